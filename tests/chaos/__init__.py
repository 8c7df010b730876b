"""Plays the real orders while machines fail, and judges what is left: `python -m tests.chaos.run`."""
