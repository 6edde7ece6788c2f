"""The command line. One file a command; each imports what is heavy inside its functions."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Sequence
from typing import Annotated, cast

import typer

from recbench import __version__
from recbench.cli.audit import audit
from recbench.cli.board import board
from recbench.cli.check import check
from recbench.cli.compare import compare
from recbench.cli.data import data_app
from recbench.cli.new import new
from recbench.cli.plot import plot
from recbench.cli.plugins import plugins
from recbench.cli.results import results
from recbench.cli.run import plan, run
from recbench.cli.store import store_app
from recbench.cli.submit import submit
from recbench.cli.time import time
from recbench.cli.tune import tune
from recbench.cli.verify import verify
from recbench.errors import PluginError, RecbenchError
from recbench.plugins import load_plugins

app = typer.Typer(
    name="recbench",
    help="How recommender systems behave under attack.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(plugins)
app.command()(check)
app.command()(new)
app.command()(plan)
app.command()(run)
app.command()(audit)
app.command()(tune)
app.command()(time)
app.command()(results)
app.command()(board)
app.command()(submit)
app.command()(verify)
app.command()(plot)
app.command()(compare)
app.add_typer(data_app, name="data")
app.add_typer(store_app, name="store")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"recbench {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    plugin: Annotated[
        list[str] | None, typer.Option("-p", "--plugin", metavar="no:NAME", help="Leave a plugin out; repeatable.")
    ] = None,
    no_plugins: Annotated[bool, typer.Option("--no-plugins", help="Leave out all plugins but recbench's own.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    for word in plugin or ():
        if not word.startswith("no:"):
            raise PluginError(f"-p {word}: expected no:NAME, which leaves plugin NAME out")
    disabled = [word.removeprefix("no:") for word in plugin or ()]
    # Commands call this when they need plugins; --help does not.
    context.obj = functools.cache(functools.partial(load_plugins, disabled, not no_plugins))


_UsageError = cast(type[typer.BadParameter], typer.BadParameter.__mro__[1])
"""The base of every usage error, under whatever name this version of typer keeps it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 2 for a user's mistake, 130 for Ctrl-C."""
    command = typer.main.get_command(app)
    try:
        with command.make_context("recbench", list(sys.argv[1:] if arguments is None else arguments)) as context:
            command.invoke(context)
    except typer.Exit as leave:
        return leave.exit_code
    except BrokenPipeError:  # `recbench … | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # what a shell reports for a broken pipe
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("interrupted", err=True)
        return 130
    except RecbenchError as error:
        return _refuse(str(error))
    except _UsageError as error:
        message = error.format_message()
        if message.startswith("Usage:"):  # called without a command: the help is the answer
            typer.echo(message, err=True)
            return 2
        return _refuse(f"{message.rstrip('.')}; see '{error.ctx.command_path if error.ctx else 'recbench'} --help'")
    return 0


def _refuse(message: str) -> int:
    typer.echo(f"error: {' '.join(message.split())}", err=True)
    return 2
