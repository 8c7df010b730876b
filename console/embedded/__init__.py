"""PostgreSQL and Valkey without installing them: found in wheels, started, watched and stopped with us."""
