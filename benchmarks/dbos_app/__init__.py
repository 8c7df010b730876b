"""The peer: DBOS with the same workflow, in processes comparable to ours."""
