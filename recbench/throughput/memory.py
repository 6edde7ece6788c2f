"""The most memory that a piece of work held, on the host and on the device."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

STATUS = Path("/proc/self/status")
RESET = Path("/proc/self/clear_refs")
FORGET_PEAK = "5"
"""Written to `RESET`, makes the kernel count the peak from what is held now on."""


class DeviceMemory(Protocol):
    """What is used of `torch.cuda`."""

    def reset_peak_memory_stats(self) -> None: ...
    def max_memory_allocated(self) -> int: ...
    def max_memory_reserved(self) -> int: ...


@contextlib.contextmanager
def peak_memory(module: DeviceMemory | None) -> Iterator[dict[str, int | None]]:
    """Fills the dictionary, once the block is done, with bytes.

    `host_peak_bytes` is the largest resident size of the process, and `host_growth_bytes` how much of it was new
    since the block began; None where the kernel does not tell (it does on Linux). `device_allocated_bytes` and
    `device_reserved_bytes` are what tensors and torch's allocator held at most; None without a device.

    Args:
        module: `torch.cuda`, or what stands in for it; None on a CPU.
    """
    found: dict[str, int | None] = dict.fromkeys(
        ("host_peak_bytes", "host_growth_bytes", "device_allocated_bytes", "device_reserved_bytes")
    )
    before = _forget()
    if module is not None:
        module.reset_peak_memory_stats()
    yield found
    if before is not None:
        found["host_peak_bytes"] = peak = _resident("VmHWM")
        found["host_growth_bytes"] = max(peak - before, 0)
    if module is not None:
        found["device_allocated_bytes"] = module.max_memory_allocated()
        found["device_reserved_bytes"] = module.max_memory_reserved()


def _forget() -> int | None:
    """Start the peak anew; what is resident now, or None where that cannot be done."""
    try:
        RESET.write_text(FORGET_PEAK)
        return _resident("VmRSS")
    except OSError:
        return None


def _resident(line: str) -> int:
    found = re.search(rf"^{line}:\s+(\d+) kB", STATUS.read_text(), re.MULTILINE)
    assert found is not None, f"{STATUS} has no {line}"
    return int(found[1]) * 1024
