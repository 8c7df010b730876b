"""Registers what the administration shows; Django looks for it here."""

from __future__ import annotations

from console.administration import looking, people, tokens

people.register()
tokens.register()
looking.register()
