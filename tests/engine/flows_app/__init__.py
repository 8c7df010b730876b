"""An app with small processes for engine tests; its far side is a Python object that tests script and look at."""
