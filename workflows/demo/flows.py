"""The wholesaler's processes, a module for each released version: a change is a new version, never an edit."""

from workflows.demo.order_v1 import OrderFulfilment
from workflows.demo.order_v2 import ReviewedOrder
from workflows.demo.return_v1 import ReturnHandling

__all__ = ["OrderFulfilment", "ReturnHandling", "ReviewedOrder"]
