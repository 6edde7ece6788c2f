"""`recbench data`: which data sets there are, what is known of them, and their raw files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from tabulate import tabulate

from recbench.cli.plugins import installed
from recbench.component import Component
from recbench.errors import DataError, PluginError
from recbench.factories import resolve

if TYPE_CHECKING:
    from recbench.contracts.dataset import Dataset, DatasetInfo

data_app = typer.Typer(help="List, describe and fetch data sets.", no_args_is_help=True)


@data_app.command("list")
def list_datasets(context: typer.Context) -> None:
    """List the data sets."""
    rows = []
    for component in installed(context).components("dataset"):
        try:
            dataset = _dataset(component)
        except PluginError as error:  # one broken data set does not hide the others
            typer.echo(f"warning: {error}", err=True)
            continue
        info = dataset.info
        rows.append((component.name, *_counts(info), "yes" if _cached(dataset) else "no", info.licence))
    headers = ("name", "users", "items", "interactions", "cached", "licence")
    align = ("left", "right", "right", "right", "left", "left")
    typer.echo(tabulate(rows, headers, tablefmt="simple", disable_numparse=True, colalign=align if rows else None))


@data_app.command()
def info(context: typer.Context, name: Annotated[str, typer.Argument(help="A data set.")]) -> None:
    """Describe a data set: its terms, how to cite it, where it comes from, its traps."""
    dataset = _dataset(installed(context).get("dataset", name))
    about = dataset.info
    scale = about.scale
    users, items, interactions = _counts(about)
    lines = [
        ("title", about.title),
        ("page", about.url),
        ("licence", about.licence),
        ("redistribution", "allowed" if about.redistributable else "not allowed: profiles with genuine rows stay here"),
        ("cite", about.citation),
        ("size", f"{users} users, {items} items, {interactions} interactions"),
        ("ratings", f"{scale.low:g} to {scale.high:g} in steps of {scale.step:g}" if scale else "none (implicit)"),
        *(("beware", trap) for trap in about.traps),
        *(("source", source.label) for source in dataset.sources),
        ("cached", _cached(dataset) or f"no; 'recbench data fetch {name}' fetches it"),
    ]
    typer.echo(tabulate(lines, tablefmt="plain", disable_numparse=True))


@data_app.command()
def fetch(context: typer.Context, names: Annotated[list[str], typer.Argument(help="Data sets.")]) -> None:
    """Fetch the raw files of data sets into the cache, and read them once to see that they are whole."""
    from recbench.data.fetch import fetch as fetch_files

    plugins = installed(context)
    components = [plugins.get("dataset", name) for name in names]
    failed = False
    for component in components:
        dataset = _dataset(component)
        try:
            folder = fetch_files(component.name, dataset.sources)
            interactions = dataset.load(folder).interactions
        except DataError as error:  # the rest may still be had
            typer.echo(f"error: {error}", err=True)
            failed = True
        else:
            typer.echo(f"{component.name}: {interactions} in {folder}")
    if failed:
        raise typer.Exit(1)


def _dataset(component: Component) -> Dataset:
    dataset: Dataset = resolve(component)()
    return dataset


def _counts(info: DatasetInfo) -> list[str]:
    """Users, items and interactions; `?` is not published."""
    return ["?" if count is None else f"{count:,}" for count in (info.users, info.items, info.interactions)]


def _cached(dataset: Dataset) -> str:
    """The folder in the cache with the verified raw files, or nothing."""
    from recbench.data.fetch import find_cached

    return str(find_cached(dataset.info.name, dataset.sources) or "")
