"""`recbench new`: the package of a plugin that installs, is found and passes its checks as generated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recbench.component import KINDS
from recbench.errors import PluginError, suggestion


def new(
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join(KINDS)}.")],
    name: Annotated[str, typer.Argument(help="The component's name, and the package's.")],
    into: Annotated[Path, typer.Option("--into", help="The folder to write the package to.")] = Path(),
) -> None:
    """Write the package of a new plugin, with one working component to replace."""
    from recbench.scaffold import write_package

    for known in KINDS:
        if kind == known:
            for file in write_package(known, name, into):
                typer.echo(file)
            typer.echo(f"next: cd {into / name} && pip install -e '.[dev]' && recbench check {name}")
            return
    raise PluginError(f"unknown kind '{kind}'{suggestion(kind, KINDS)}")
