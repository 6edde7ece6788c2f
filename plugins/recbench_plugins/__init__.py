"""The standard plugins: what recbench itself offers, by the same hooks as anyone's. Each folder lists its own."""

from recbench_plugins.attackers import recbench_attackers
from recbench_plugins.datasets import recbench_datasets
from recbench_plugins.defenses import recbench_defenses
from recbench_plugins.metrics import recbench_metrics
from recbench_plugins.recommenders import recbench_recommenders

RECBENCH_API = 1

__all__ = [
    "RECBENCH_API",
    "recbench_attackers",
    "recbench_datasets",
    "recbench_defenses",
    "recbench_metrics",
    "recbench_recommenders",
]
