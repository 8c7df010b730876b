"""The far side of HTTP in the demo: six simulated services in one process of their own, with a ledger and fault dials.

Nothing here knows Django or the engine; `serve.serving` starts it in a thread, `manage.py simulators` as a process.
"""
