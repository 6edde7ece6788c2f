"""`recbench time`: how fast recommenders, attackers and defenses are on this machine."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from tabulate import tabulate

from recbench.cli.plugins import installed
from recbench.errors import DataError, RecbenchError

if TYPE_CHECKING:
    from recbench.throughput.report import Report, Timing
    from recbench.throughput.settings import Settings

HEADERS = ("task", "component", "rate", "", "p50 ms", "p95 ms", "n", "CPU ms", "host MiB", "GPU MiB", "parameters")
ABSENT = "-"
STDERR = 2


def time(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(help="Names or globs; by default all.", metavar="[NAME]...")
    ] = None,
    device: Annotated[str, typer.Option("--device", help="A torch device, 'cpu' or 'cuda'.")] = "cpu",
    threads: Annotated[int, typer.Option("--threads", min=1, help="Threads of numeric libraries.")] = 1,
    users: Annotated[int, typer.Option("--users", min=100, help="Users, and items, of the synthetic data.")] = 1000,
    seconds: Annotated[
        float, typer.Option("--seconds", min=1, help="How long one task of one component may take.")
    ] = 300,
    out: Annotated[Path, typer.Option("--out", help="The figures, as pytest-benchmark's JSON.")] = Path(
        "throughput.json"
    ),
    compare: Annotated[
        Path | None, typer.Option("--compare", help="An earlier file; refused where it is of another machine.")
    ] = None,
) -> None:
    """Time fitting, scoring, crafting and detection: rates, percentiles, memory.

    Ctrl-C stops with the figures that there are. Exit code 1: something could not be timed; 3: nothing could.
    """
    for module in ("pytest", "pytest_benchmark"):
        if importlib.util.find_spec(module) is None:
            raise RecbenchError(f"recbench time needs {module}, which is not installed; pip install 'recbench[time]'")
    from recbench.factories import resolve
    from recbench.throughput.bench import chosen
    from recbench.throughput.report import Report
    from recbench.throughput.settings import Settings
    from recbench.throughput.timer import timer_of

    timer_of(device)  # a device that is not there is the user's mistake
    components = chosen(installed(context), names or ())
    if names:  # what was asked for and cannot be imported is an error, not something to skip
        for component in components:
            resolve(component)
    settings = Settings(tuple(component.name for component in components), device, threads, users, seconds)
    earlier = None if compare is None else _comparable(Report.read(compare), compare, settings)
    code = _measure(settings, out)
    # pytest-benchmark opens the file at its start, and writes it at its end.
    report = Report.read(out) if out.exists() and out.stat().st_size else None
    if report is None or not report.timings:
        out.unlink(missing_ok=True)
        typer.echo("nothing was timed", err=True)
        raise typer.Exit(3)
    typer.echo(_table(report, earlier))
    if not all(timing.verified for timing in report.timings):
        from recbench.throughput.machine import UNVERIFIED

        typer.echo(f"\n{UNVERIFIED}")
    typer.echo(f"\n{len(report.timings)} figures of {report.machine['processor']}, {threads} threads, are in {out}")
    raise typer.Exit(1 if code else 0)


def _measure(settings: Settings, out: Path) -> int:
    """Run the suite in a fresh interpreter, which has its threads from the start; its exit code.

    Ctrl-C ends the suite, which leaves the figures that it has; a second one leaves nothing.
    """
    from recbench.execution.process import thread_environment

    out.unlink(missing_ok=True)
    # -P: a file of the user's called random.py is none of the interpreter's.
    command = [sys.executable, "-P", "-m", "pytest", "--pyargs", "recbench.throughput", "-c", os.devnull]
    command += ["-q", "--tb=line"]
    command += ["--rootdir", os.curdir, "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore::Warning"]
    command += ["--benchmark-quiet", "--benchmark-json", str(out.absolute())]
    # What an outer pytest has told its own processes is not for this one.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment = inherited | thread_environment(settings.threads) | settings.environment()
    with subprocess.Popen(command, stdout=STDERR, env=environment) as suite:
        try:
            return suite.wait()
        except KeyboardInterrupt:  # the suite has heard it, too: it stops, and writes what it has
            return suite.wait()


def _comparable(earlier: Report, path: Path, settings: Settings) -> Report:
    """The earlier figures, if these would be of the same machine and protocol.

    Raises:
        DataError: they would not.
    """
    from recbench.throughput.machine import differences, machine
    from recbench.throughput.measuring import protocol

    here = machine(settings.device, settings.threads) | {"protocol": protocol(settings.users)}
    refused, warned = differences(earlier.machine, here)
    if refused:
        raise DataError(f"{path} is not comparable: {'; '.join(refused)}. Time both on one machine in the same way")
    for difference in warned:
        typer.echo(f"warning: {path} was measured with another {difference}", err=True)
    return earlier


def _table(report: Report, earlier: Report | None) -> str:
    before = {timing.key: timing for timing in earlier.timings} if earlier else {}
    headers = [*HEADERS, *(["times as fast"] if earlier else [])]
    rows = [_row(timing) + ([_ratio(timing, before)] if earlier else []) for timing in report.timings]
    align = ["left", "left", "right", "left", *["right"] * (len(headers) - 4)]
    return tabulate(rows, headers, tablefmt="simple", disable_numparse=True, colalign=align)


def _row(timing: Timing) -> list[str]:
    task = timing.task if timing.batch is None else f"{timing.task} {timing.batch}"
    milliseconds = [ABSENT if each is None else f"{1000 * each:.3g}" for each in (timing.p50, timing.p95)]
    memory = [_mebibytes(each) for each in (timing.host_growth_bytes, timing.device_allocated_bytes)]
    parameters = ABSENT if timing.parameters is None else f"{timing.parameters:,}"
    cpu = f"{1000 * timing.cpu_seconds:.3g}"
    rate = [f"{timing.rate:,.0f}", f"{timing.unit}/s"]
    return [task, timing.component, *rate, *milliseconds, str(timing.n), cpu, *memory, parameters]


def _mebibytes(count: int | None) -> str:
    return ABSENT if count is None else f"{count / 2**20:,.0f}"


def _ratio(timing: Timing, before: Mapping[Any, Timing]) -> str:
    """How many times as fast as before it is, by the medians."""
    return f"{before[timing.key].p50 / timing.p50:.2f}" if timing.key in before else ABSENT
