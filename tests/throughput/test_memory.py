"""Peaks of memory: the host's from the kernel, the device's from its allocator."""

import mmap

import pytest

from recbench.throughput.memory import RESET, peak_memory

MEBIBYTE = 1 << 20


def hold(mebibytes):
    """Fill pages that are new, which no allocator had kept from before, and give them back."""
    with mmap.mmap(-1, mebibytes * MEBIBYTE) as pages:
        for _ in range(mebibytes):
            pages.write(b"x" * MEBIBYTE)


@pytest.mark.skipif(not RESET.exists(), reason="the kernel does not tell a process's peak")
def test_what_was_freed_within_the_block_counts_and_what_was_freed_before_does_not():
    hold(200)
    with peak_memory(None) as small:
        hold(20)
    with peak_memory(None) as large:
        hold(80)
    assert 15 * MEBIBYTE < small["host_growth_bytes"] < 60 * MEBIBYTE
    assert 75 * MEBIBYTE < large["host_growth_bytes"] < 120 * MEBIBYTE
    assert large["host_peak_bytes"] > large["host_growth_bytes"]
    assert large["device_allocated_bytes"] is None


def test_a_device_tells_what_tensors_and_its_allocator_held_since_the_block_began():
    class Allocator:
        allocated, reserved = 900, 1000

        def reset_peak_memory_stats(self):
            self.allocated, self.reserved = 0, 512

        def max_memory_allocated(self):
            return self.allocated

        def max_memory_reserved(self):
            return self.reserved

    allocator = Allocator()
    with peak_memory(allocator) as found:
        allocator.allocated = 300
    assert (found["device_allocated_bytes"], found["device_reserved_bytes"]) == (300, 512)
