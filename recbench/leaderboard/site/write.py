"""`write_site`: pages, data and assets into a folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from recbench import __version__
from recbench.component import Component
from recbench.leaderboard.boards import boards
from recbench.leaderboard.foot import common_foot
from recbench.leaderboard.grid import UTILITY, Grid
from recbench.leaderboard.render import plain
from recbench.leaderboard.site.cells import SHARD_LETTERS, cells
from recbench.leaderboard.site.charts import charts
from recbench.leaderboard.site.components import Components
from recbench.leaderboard.site.poison import write_poison
from recbench.leaderboard.site.policy import policy
from recbench.leaderboard.site.script import script
from recbench.leaderboard.site.seen import stored_verdicts
from recbench.leaderboard.site.tables import sections_of, table
from recbench.matrix.suite import Suite
from recbench.store import Store
from recbench.store.files import write_file
from recbench.throughput.report import Report

PAGES = {
    "index": ("tables", "data/boards", "table", "index"),
    "cells": ("tables", "data/cells", "table", "cells"),
    "cell": ("d3", "plot", "tables", "data/details", "table", "charts", "cell"),
    "plugin": ("tables", "data/boards", "data/cells", "table", "plugin"),
}
"""The scripts of each page, in the order in which they run, after those that all of them have."""
LIBRARIES = {"d3": "d3.min", "plot": "plot.umd.min", "tables": "dataTables.min"}
OWN = {"data": "*.js", "poison": "*.npz"}
"""The folders whose files depend on the records: what an earlier site left in them is removed."""


def write_site(
    records: list[dict[str, Any]],
    suite: Suite,
    folder: Path,
    *,
    store: Store | None = None,
    environment: Mapping[str, Any] | None = None,
    installed: Iterable[Component] = (),
    explanations: Mapping[str, Any] | None = None,
    reports: Sequence[Report] = (),
    absent: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Make the site of a suite's cell records.

    Args:
        records: of the suite's cells, whatever became of them, in the order of the plan.
        suite: says which cells there ought to be.
        folder: where the site goes; made if need be.
        store: of the run: logs and poison come from there.
        environment: what the cells were computed in.
        installed: what plugins offer, to say what a component is.
        explanations: of attacks, by cell id, as `stored_explanations` finds them.
        reports: of `recbench time`, for a board of their own.
        absent: the cells that have no record, see `Grid`.

    Raises:
        DataError: a record that a page cannot hold, or two reports of the same circumstances.
    """
    for name, pattern in OWN.items():
        for stale in (folder / name).glob(pattern):
            stale.unlink()
    grid = Grid(suite, records, absent)
    made = boards(grid, reports)
    sections = sections_of(made)
    components = Components(grid, installed)
    poison = {} if store is None else write_poison(records, store, folder / "poison")
    seen = {} if store is None else stored_verdicts(records, components, store)
    found = cells(records, suite, grid.effect, components, store, poison, explanations, seen)
    data = {
        "site": {
            "components": components.document,
            "sections": list(sections.values()),
            "effect": {"name": grid.effect.name, "unit": grid.effect.unit, "metric": grid.effect.metric},
            "utility": UTILITY,
            "shard": SHARD_LETTERS,
        },
        "boards": [table(board) for board in made],
        "charts": charts(grid, made, sections),
        "cells": found.lines,
        "details": {
            "protocols": found.protocols,
            "metrics": found.metrics,
            "environment": dict(environment or {}),
        },
        **{f"shard-{letters}": shard for letters, shard in found.shards.items()},
    }
    files = {f"data/{name}.js": script(name, value) for name, value in data.items()}
    for name, content in {**files, **_assets(), **_pages(grid)}.items():
        write_file(folder / name, content)


def _assets() -> dict[str, bytes]:
    """The style sheet, the scripts and the libraries with their licences."""
    root = resources.files("recbench.leaderboard.site") / "assets"
    own = {f"assets/{file.name}": file for file in root.iterdir() if file.is_file()}
    carried = {f"assets/vendor/{file.name}": file for file in (root / "vendor").iterdir()}
    return {name: file.read_bytes() for name, file in {**own, **carried}.items() if not name.endswith((".md", ".sh"))}


def _pages(grid: Grid) -> dict[str, bytes]:
    environment = Environment(
        loader=PackageLoader("recbench.leaderboard.site", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = plain
    statuses = Counter(record["status"] for record in grid.records)
    shared = {
        "suite": grid.suite,
        "version": __version__,
        "cells": len(grid.records),
        "statuses": statuses.most_common(),
        "policy": policy(),
        "units": len(grid.units),
        "datasets": len(grid.datasets),
        "foot": common_foot(grid),
    }
    return {
        f"{page}.html": environment.get_template(f"{page}.html.jinja")
        .render(shared, page=page, scripts=[_address(name) for name in ("data/site", "dom", *names)])
        .encode()
        for page, names in PAGES.items()
    }


def _address(name: str) -> str:
    """Where a script lies, from a page."""
    if name in LIBRARIES:
        return f"assets/vendor/{LIBRARIES[name]}.js"
    return f"{name}.js" if name.startswith("data/") else f"assets/{name}.js"
