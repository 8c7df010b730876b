"""Words of the record: who did what, what was published, and under which keys something was asked."""
