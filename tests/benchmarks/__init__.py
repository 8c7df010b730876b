"""The benchmark's own arithmetic and its care for processes."""
