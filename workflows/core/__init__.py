"""The pure core: what follows from what. Arithmetic over values; no clock, no database, no randomness."""
