"""`Report`: what an attacker can do to a recommender, and which defense helps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recbench.errors import DataError
from recbench.leaderboard.attackers import AttackerRow, attacker_rows
from recbench.leaderboard.boards import boards
from recbench.leaderboard.defenses import DefenseRow, defense_rows
from recbench.leaderboard.grid import NONE, UTILITY, Grid, Place, whole_mean
from recbench.leaderboard.render import Board, as_text
from recbench.matrix.suite import Suite
from recbench.report.explanation import Explanation
from recbench.results import Results
from recbench.store.files import write_file

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """An audit of one recommender on one data set.

    Args:
        results: the cells.
        recommender, dataset: their names in the results.
        n_users, n_items: of the data, before the attack.
        fakes: how many users the attacker may add.
        explanation: of the attack that does most; None where none worked or it could not be explained.
        unexplained: why the attack that does most could not be explained, or nothing.
        names: what to call items, [n_items].
    """

    results: Results
    recommender: str
    dataset: str
    n_users: int
    n_items: int
    fakes: int
    explanation: Explanation | None
    unexplained: str
    names: tuple[str, ...]

    @cached_property
    def suite(self) -> Suite:
        return Suite.model_validate(self.results.plan["suite"])

    @cached_property
    def _grid(self) -> Grid:
        return Grid(self.suite, self.results.records, self.results.absent)

    @cached_property
    def attacks(self) -> list[AttackerRow]:
        """What each attack does to the undefended recommender, the worst first."""
        return attacker_rows(self._grid)

    @cached_property
    def defenses(self) -> list[DefenseRow]:
        """What each defense takes back and costs, the best first."""
        return defense_rows(self._grid)

    @cached_property
    def floor(self) -> float:
        """The largest gain, in bits, between clean runs that differ in the order of users alone; 0 without any."""
        return self._grid.floor(self.dataset)

    @property
    def has_floor(self) -> bool:
        """Whether there are such runs."""
        return self._grid.floors[self.dataset].size > 0

    @property
    def is_clean(self) -> bool:
        """Whether every unit has a result without an attack."""
        return bool(self._grid.victims(self.dataset))

    @property
    def worst(self) -> AttackerRow | None:
        """The attack with the greatest effect of those, no controls, whose 95% interval lies above the floor."""

        def least(row: AttackerRow) -> float | None:
            return row.gain if row.gain_low is None else row.gain_low  # a single unit has no interval

        real = ((least(row), row) for row in self.attacks if not row.control)
        sure = [row for low, row in real if low is not None and low > self.floor]
        return max(sure, key=lambda row: row.gain or 0.0, default=None)

    def measured(self, metric: str, attacker: str = NONE, defense: str = NONE) -> float | None:
        """The mean of a metric over all units; None unless every one has it."""
        (size,) = self.suite.threat.sizes
        place = Place(self.dataset, self.recommender, attacker, defense, 0.0 if attacker == NONE else size)
        return whole_mean(self._grid.values(metric, place))

    @cached_property
    def summary(self) -> list[str]:
        """The findings in sentences."""
        from recbench.report.summary import sentences

        return sentences(self)

    @property
    def boards(self) -> list[Board]:
        """The tables of attackers and of defenses."""
        return [board for board in boards(self._grid) if board.name in ("attackers", "defenses")]

    @property
    def failures(self) -> list[str]:
        """The reasons of the cells that failed, each once."""
        failed = (cell for cell in self.results.cells if cell["status"] not in ("ok", "skipped"))
        return list(
            dict.fromkeys(f"{cell['status']} in {cell['stage'] or 'plan'}: {cell['reason']}" for cell in failed)
        )

    @property
    def skipped(self) -> list[str]:
        """The reasons of the cells that could not be asked, each once."""
        return list(dict.fromkeys(cell["reason"] for cell in self.results.cells if cell["status"] == "skipped"))

    def to_pandas(self) -> pd.DataFrame:
        """All cells with all metrics, as `Results.to_pandas`."""
        return self.results.to_pandas()

    def figure_attacks(self) -> Figure:
        """What each attack does, with intervals and the floor."""
        from recbench.report.figures import attacks

        return attacks(self)

    def figure_defenses(self) -> Figure:
        """What each defense takes back, and what it costs."""
        from recbench.report.figures import defenses

        return defenses(self)

    def figure_explanation(self) -> Figure:
        """Which fakes moved the targets, where they stand among the users, and what the detectors saw.

        Raises:
            DataError: there is no explanation.
        """
        from recbench.report.figures import explanation

        if self.explanation is None:
            raise DataError("this report explains no attack: none worked, or the training without the fakes failed")
        return explanation(self.explanation, self.floor)

    def write(self, path: str | Path) -> None:
        """Write the report as one HTML page that needs no network.

        Raises:
            DataError: the file cannot be written.
        """
        from recbench.report.page import page

        path = Path(path)
        try:
            write_file(path, page(self).encode())
        except OSError as error:
            raise DataError(f"{path} cannot be written: {error.strerror}; name another file") from error

    def document(self) -> Mapping[str, Any]:
        """The findings as JSON values."""
        return {
            "recommender": self.recommender,
            "dataset": self.dataset,
            "users": self.n_users,
            "items": self.n_items,
            "fakes": self.fakes,
            "units": len(self._grid.units),
            "floor": self.floor,
            "clean": {UTILITY: self.measured(UTILITY)},
            "summary": self.summary,
            "attacks": [asdict(row) for row in self.attacks],
            "defenses": [asdict(row) for row in self.defenses],
            "failures": self.failures,
            "skipped": self.skipped,
            "folder": str(self.results.folder),
        }

    def __str__(self) -> str:
        return "\n".join([*self.summary, "", *(as_text(board) for board in self.boards)])

    def __repr__(self) -> str:
        return f"<Report on {self.recommender} and {self.dataset}: {self.results!r}>"

    def _repr_html_(self) -> str:
        from recbench.report.page import body

        return body(self)
