"""Words and drawings of the systems the processes call, and of the breaker that guards each of them."""

from console.presenters.dependencies.cards import Card, Dependencies, dependencies
from console.presenters.dependencies.page import DependencyPage, page

__all__ = ["Card", "Dependencies", "DependencyPage", "dependencies", "page"]
