"""Recommenders that know nothing of recbench, as its victims: a library's objects, plain objects and commands."""

from recbench.adapters.adapt import adapt
from recbench.adapters.command import Command
from recbench.adapters.extras import from_extra
from recbench.adapters.handed import Handed, hand_over, handed_over

__all__ = ["Command", "Handed", "adapt", "from_extra", "hand_over", "handed_over"]
