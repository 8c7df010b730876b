"""A process full of secrets about people."""
