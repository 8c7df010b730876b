"""A Django app of its own for the benchmark's workflow, added through CONSOLE_APPS like any company's."""
