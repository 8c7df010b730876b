"""One module per resource of the API; every view reads, asks or acts, and tells what came of it."""
