"""`recbench plot`: the figures of a run or of published tables."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from recbench.errors import DataError


class Format(StrEnum):
    """What the files are."""

    PNG = "png"
    SVG = "svg"


def plot(
    source: Annotated[
        Path, typer.Argument(help="The folder of a run, or of tables that 'recbench board' made.", metavar="RUN|FOLDER")
    ],
    form: Annotated[Format, typer.Option("--format", help="What the files are.")] = Format.PNG,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the figures; by default RUN/figures.")] = None,
) -> None:
    """Draw utility against robustness, attackers by victims, and effect by budget."""
    from recbench.leaderboard.figures import figures, save
    from recbench.leaderboard.grid import Grid
    from recbench.leaderboard.published import read_published
    from recbench.matrix.plan import PLAN
    from recbench.results import Results

    if (source / PLAN).exists():
        results = Results.read(source)
        grid = Grid(results.suite, results.records, results.absent)
    else:
        grid = Grid(*read_published(source))
    made = figures(grid)
    if not made:
        raise DataError(f"{source} has nothing to draw: no attack is ok on all units of any recommender")
    folder = out or source / "figures"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in made.items():
            save(figure, folder / f"{name}.{form}")
    except OSError as error:
        raise DataError(f"figures cannot be written to {folder}: {error.strerror}; name another --out") from error
    typer.echo(f"{len(made)} figures are in {folder}")
