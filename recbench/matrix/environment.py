"""The surroundings of a run, for those who want to repeat it."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from recbench.matrix.identity import Circumstances

ROOT = Path(__file__).parents[2]


def environment(circumstances: Circumstances, jobs: int) -> dict[str, Any]:
    """`environment.json`: Python, packages, processor, threads, and the commit where this is a checkout."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        **machine(circumstances),
        "jobs": jobs,
        "packages": {
            read["Name"]: read["Version"] for package in distributions() if (read := package.metadata)["Name"]
        },
        "git": _git(),
    }


def machine(circumstances: Circumstances) -> dict[str, Any]:
    """What seconds compare only within: processor, cores, device and threads."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "device": circumstances.device,
        "threads": circumstances.threads,
    }


@cache
def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _git() -> dict[str, Any] | None:
    """The commit, and whether files differ from it; None outside of a checkout of recbench."""
    if not (ROOT / ".git").exists():
        return None
    commands = {"commit": ["rev-parse", "HEAD"], "changes": ["status", "--porcelain"]}
    answers = {}
    for name, command in commands.items():
        try:
            answers[name] = subprocess.run(
                ["git", "-C", str(ROOT), *command],
                capture_output=True,
                text=True,
                check=True,
                timeout=10,
                env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},
            ).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return None
    return {"commit": answers["commit"], "dirty": bool(answers["changes"])}
