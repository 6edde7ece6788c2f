"""What a figure was measured on, and whether two figures may be held against each other."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Mapping
from typing import Any

from recbench.execution.fingerprint import PACKAGES
from recbench.matrix.environment import environment
from recbench.matrix.identity import Circumstances

REFUSED = ("processor", "cores", "device", "threads", "gpu.name", "protocol")
"""Where these differ, a ratio of two times says nothing about the code."""
WARNED = ("python", "system", "gpu.driver_version", *(f"packages.{name}" for name in PACKAGES))
"""Where these differ, the code is not all that a ratio tells of."""
GPU_FIELDS = ("name", "driver_version", "memory.total", "clocks.sm", "clocks.max.sm", "clocks.mem")

UNVERIFIED = "CUDA figures are unverified: no run on a real GPU has been held against another clock yet"


def verified(device: str) -> bool:
    """Whether the times of a device are by a clock that was held against another one: a CPU's are."""
    return device == "cpu"


def in_words(about: Mapping[str, Any]) -> str:
    """Processor, cores, device and threads, and the name of the GPU where it is known."""
    gpu = (about.get("gpu") or {}).get("name")
    device = f"{about['device']} ({gpu})" if gpu else about["device"]
    threads = about["threads"]
    return f"{about['processor']}, {about['cores']} cores, {device}, {threads} thread{'s'[: threads != 1]}"


def machine(device: str, threads: int) -> dict[str, Any]:
    """Processor, cores, packages and commit, as in a run's `environment.json`, and the GPU that is used."""
    about = environment(Circumstances(device, threads), 1)
    del about["jobs"]
    return about | {"gpu": _gpu(device) if device.startswith("cuda") else None}


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """What sets two machines apart: what forbids a comparison, and what a reader should know of it.

    Args:
        one, other: from `machine`, with the `protocol` that was followed.
    """
    found: list[list[str]] = []
    for names in (REFUSED, WARNED):
        pairs = [(name, _at(one, name), _at(other, name)) for name in names]
        found.append([f"{name}: {a} and {b}" for name, a, b in pairs if a != b])
    return found[0], found[1]


def _at(document: Mapping[str, Any], path: str) -> Any:
    head, _, rest = path.partition(".")
    value = document.get(head)
    return value.get(rest) if rest and isinstance(value, Mapping) else value


def _gpu(device: str) -> dict[str, Any]:
    """The GPU as torch and the driver's own tool describe it; its clocks are those of this moment."""
    import torch

    properties = torch.cuda.get_device_properties(device)
    about: dict[str, Any] = {"name": properties.name, "bytes": properties.total_memory, "cuda": torch.version.cuda}
    command = ["nvidia-smi", f"--query-gpu={','.join(GPU_FIELDS)}", "--format=csv,noheader", "--id", _number(device)]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout
        about |= dict(zip(GPU_FIELDS, map(str.strip, answer.splitlines()[0].split(",")), strict=True))
    return about


def _number(device: str) -> str:
    return device.partition(":")[2] or "0"
