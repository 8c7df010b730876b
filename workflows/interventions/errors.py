"""Why something a person asked for was not done; each message is a sentence for that person."""


class InterventionError(Exception):
    """Nothing was changed."""


class Forbidden(InterventionError):
    """The actor may not do this; the attempt is in the audit."""


class Unknown(InterventionError):
    """There is no such thing, or the actor may not see it."""


class ReasonMissing(InterventionError):
    """The act needs a reason of 1 to 2,000 characters."""


class Stale(InterventionError):
    """The instance moved since the actor looked at it."""


class Impossible(InterventionError):
    """The act makes no sense in the instance's present state."""


class Odd(InterventionError):
    """One part of what was asked for makes no sense; `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field} {message}")
        self.field, self.message = field, message
