"""recbench: how recommender systems behave under attack."""

__version__ = "0.1.0"

RECBENCH_API = 1
"""The version of the plugin contracts. A plugin that asks for another one is reported as incompatible."""
