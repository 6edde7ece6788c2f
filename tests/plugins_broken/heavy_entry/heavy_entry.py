"""An entry module that imports torch: every `recbench` command then takes seconds."""

import torch

from recbench_plugins.recommenders.item_knn import ItemKNN as HeavyEntry

__all__ = ["HeavyEntry", "torch"]
