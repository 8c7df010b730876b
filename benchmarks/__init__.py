"""Benchmarks: what a durable workflow costs here, beside a peer and beside the database's own limit."""
