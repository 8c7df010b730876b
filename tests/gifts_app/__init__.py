"""A process that acts before it asks: two of the elders have to agree that a gift is kept."""
