"""What lies in a results folder: listed, explained, deleted, cut down to a size."""

from fkd_core.inventory.kept import KeptFit, KeptRun, KeptStudy, Outcome
from fkd_core.inventory.names import find
from fkd_core.inventory.needs import Needs, needs_of
from fkd_core.inventory.stock import Inventory, take

__all__ = [
    "Inventory",
    "KeptFit",
    "KeptRun",
    "KeptStudy",
    "Needs",
    "Outcome",
    "find",
    "needs_of",
    "take",
]
