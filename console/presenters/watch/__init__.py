"""Words and drawings of the live home: state in a sentence, what needs a person, the stage board, the pulse."""

from console.presenters.watch.news import ENDINGS, News
from console.presenters.watch.page import Watch, watch

__all__ = ["ENDINGS", "News", "Watch", "watch"]
