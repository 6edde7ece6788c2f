"""Anyone's poison file as an attacker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from recbench.contracts import AttackerView, PoisoningAttacker, Profiles


@dataclass(frozen=True)
class PoisonFile(PoisoningAttacker):
    """Profiles that were made elsewhere, injected as they are.

    Nothing is clipped or topped up: profiles beyond the budget are a violation, which the harness reports.

    Args:
        path: an NPZ file with `indptr` [m + 1], `items` [nnz] in the data set's numbering and, on an explicit
            track, `ratings` [nnz].
    """

    path: Path

    def craft(self, view: AttackerView) -> Profiles:
        """Read the file.

        Raises:
            DataError: the file is missing or no poison file.
        """
        return Profiles.load(self.path)
