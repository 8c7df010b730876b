"""The one error of this package: something about this machine is in the way, and the message says what to do."""


class EmbeddedError(Exception):
    """Its text is a sentence for the person at the terminal; trying again without changing anything will not help."""
