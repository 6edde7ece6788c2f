"""Data: the one structure for feedback, splits, and where published data sets come from."""

from recbench.data.catalog import Catalog
from recbench.data.dataset import Data
from recbench.data.interactions import Histories, Interactions
from recbench.data.splits import Split

__all__ = ["Catalog", "Data", "Histories", "Interactions", "Split"]
