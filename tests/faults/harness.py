"""A harness in a process of its own, and what it leaves behind: processes, and a store to compare with another."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recbench.store import Store, content_digest

TESTS = Path(__file__).parents[1]
GOOD = TESTS / "matrix" / "planted_components.py"
FAULTY = Path(__file__).with_name("plugins_faulty.py")

MAIN = "import sys; from recbench.cli import main; sys.exit(main())"
MARK = "RECBENCH_TEST_HARNESS"
"""An environment variable that every process of one harness inherits, however far it strays."""


def good(*names: str) -> list[str]:
    return [f"{GOOD}:{name}" for name in names]


def faulty(*names: str) -> list[str]:
    return [f"{FAULTY}:{name}" for name in names]


def write_suite(
    folder: Path,
    name: str,
    recommenders: Sequence[str],
    attackers: Sequence[str] = (),
    defenses: Sequence[str] = (),
    more: str = "",
) -> str:
    """Write NAME.toml on the small data set; suites of one folder have one name, so that their cells compare."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"{user},{item}" for user in range(40) for item in range(60) if (user * item + user) % 3]
    (folder / "shop.csv").write_text("\n".join(["user_id,item_id", *rows]))
    axes = {"datasets": ["shop.csv"], "recommenders": recommenders, "attackers": attackers, "defenses": defenses}
    lines = ['name = "faults"', 'version = "1"', *(f"{key} = {json.dumps(list(axes[key]))}" for key in axes), more]
    (folder / f"{name}.toml").write_text("\n".join(lines) + "\n")
    return f"./{name}.toml"


def start(
    folder: Path, *arguments: str, code: str = MAIN, mark: str = "", path: Sequence[Path] = (), **options: Any
) -> subprocess.Popen[str]:
    """Start `recbench` in the folder. `code` runs in place of the plain command; `path` comes first on `sys.path`."""
    environment = os.environ | {
        "RECBENCH_CACHE": str(folder / "cache"),
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        MARK: mark,
    }
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def finish(process: subprocess.Popen[str], code: int) -> str:
    """Wait for the end; returns what it printed on stderr."""
    output, errors = process.communicate(timeout=300)
    assert process.returncode == code, f"exit code {process.returncode}:\n{output}\n{errors}"
    return errors


def contents(store: Store) -> dict[str, Any]:
    """Everything in the store but timings: the plan, the records, and the digest of every artifact, computed anew."""
    return {
        "plan": store.read_document("plan.json"),
        "records": {record["cell_id"]: {**record, "cost": None} for record in store.records()},
        "artifacts": {key: content_digest(store.get(key)) for key in store.artifact_keys()},
    }


def differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """What is not the same in two stores' contents, by name."""
    return [
        f"{part}: {key}"
        for part in expected
        for key in sorted(found[part].keys() | expected[part].keys())
        if found[part].get(key) != expected[part].get(key)
    ]


def marked(mark: str) -> list[int]:
    """The processes that carry the mark and are no zombies (Linux)."""
    sign = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if sign in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def orphans(mark: str, seconds: float = 15.0) -> list[int]:
    """What still carries the mark after it has had some time to end."""
    deadline = time.monotonic() + seconds
    while (found := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found
