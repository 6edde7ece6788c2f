"""`recbench results`: the cells of a run as a table, on the terminal or in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from tabulate import tabulate

from recbench.errors import DataError

if TYPE_CHECKING:
    from recbench.results import Results

RUNS = Path("runs")
PLACE = ("dataset", "recommender", "attacker", "defense", "size", "seed", "group", "replica")
"""Where a cell stands in the matrix. A column in which all rows agree is a line above the table."""
DIGITS = 4

RunFolder = Annotated[
    Path | None, typer.Argument(help="The folder of a run; by default the latest in runs/.", metavar="RUN")
]
Patterns = Annotated[list[str] | None, typer.Option(help="Only these: name, glob or NAME[dim=64]; repeatable.")]


def results(
    run: RunFolder = None,
    dataset: Patterns = None,
    recommender: Patterns = None,
    attacker: Patterns = None,
    defense: Patterns = None,
    status: Annotated[
        list[str] | None, typer.Option(help="Only these: ok, skipped, error, …, missing; repeatable.")
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="These metrics: name or glob; repeatable.", metavar="METRIC")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Write all columns to this .parquet, .csv or .jsonl instead.")
    ] = None,
) -> None:
    """Print the cells of a run with the metrics of its boards, or write them to a file with all metrics."""
    from recbench.results import Results

    whole = Results.read(run or latest_run())
    chosen = whole.filter(
        dataset=dataset or (),
        recommender=recommender or (),
        attacker=attacker or (),
        defense=defense or (),
        status=status or (),
    )
    wanted = whole.metrics_matching(metric) if metric else None
    if to is not None:
        chosen.write(to, wanted)
        typer.echo(f"{len(chosen)} of {len(whole)} cells of {whole.folder} are in {to}")
        return
    typer.echo(_text(chosen, _of_boards(whole) if wanted is None else wanted))
    typer.echo(f"\n{len(chosen)} of {len(whole)} cells of {whole.folder}")


def latest_run() -> Path:
    """The run in `runs/` that was started last.

    Raises:
        DataError: there is none.
    """
    plans = sorted(RUNS.glob("*/plan.json"), key=lambda path: path.stat().st_mtime)
    if not plans:
        raise DataError(f"there is no run in {RUNS.absolute()}; name the folder of one")
    return plans[-1].parent


def _of_boards(results: Results) -> list[str]:
    """What the leaderboards are made of, as far as the run has it."""
    from recbench.leaderboard.grid import EFFECTS, UTILITY

    names = (UTILITY, EFFECTS[results.suite.threat.goal].metric)
    return [name for name in dict.fromkeys(names) if name in results.metrics]


def _text(results: Results, metrics: list[str]) -> str:
    from recbench.leaderboard.render import ABSENT, plain

    def shown(value: Any) -> str:
        if value is None:
            return ABSENT
        return f"{value:.{DIGITS}g}" if isinstance(value, float) else plain(str(value))

    rows = results.rows(metrics)
    agreed = [name for name in PLACE if rows and len({row[name] for row in rows}) == 1]
    reasons = ["reason"] if any(row["reason"] for row in rows) else []
    columns = [*(name for name in PLACE if name not in agreed), "status", *metrics, "seconds", *reasons]
    table = tabulate(
        [[shown(row[name]) for name in columns] for row in rows],
        columns,
        tablefmt="simple",
        disable_numparse=True,
        colalign=["right" if name in {*metrics, "size", "seed", "seconds"} else "left" for name in columns]
        if rows
        else None,
    )
    above = ", ".join(f"{name} {shown(rows[0][name])}" for name in agreed)
    return f"{above}\n\n{table}" if above else table
