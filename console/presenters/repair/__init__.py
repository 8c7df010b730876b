"""Words of the Repair page: causes of trouble, who is needed, what is being corrected, stray messages, operations."""
