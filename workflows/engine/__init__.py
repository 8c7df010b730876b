"""The durable shell: the only code that locks rows, opens transactions and asks the time."""
