"""Words and forms for acting on an instance: what each act does, what keeps running, whether it can do harm."""

from console.presenters.acting.deeds import Deed, Deeds, Sent
from console.presenters.acting.naming import in_words
from console.presenters.acting.offered import confirmation, data, deeds, field_of
from console.presenters.entries import Mistyped

__all__ = ["Deed", "Deeds", "Mistyped", "Sent", "confirmation", "data", "deeds", "field_of", "in_words"]
