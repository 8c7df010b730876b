"""Words and drawings of the processes: versions, where what is under way stands, and what people may decide."""

from console.presenters.processes.page import ProcessPage, page
from console.presenters.processes.process import Process, stable
from console.presenters.processes.rows import Row, rows

__all__ = ["Process", "ProcessPage", "Row", "page", "rows", "stable"]
