"""The REST API under `/api/v1`: start workflows, see where they are and why, and act on them."""
