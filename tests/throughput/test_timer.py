"""The clock of a GPU, against a device module that stands in for torch.cuda: no GPU has confirmed it yet."""

import numpy as np
import pytest

from recbench.errors import RecbenchError
from recbench.throughput.timer import EventTimer, timer_of


class Stream:
    """Work that is queued takes time on the device's clock, which the host does not wait for."""

    def __init__(self):
        self.clock = 0.0
        self.devices = []

    def set_device(self, device):
        self.devices.append(device)

    def Event(self, enable_timing):
        assert enable_timing
        return Mark(self)


class Mark:
    def __init__(self, stream):
        self.stream = stream
        self.at = None
        self.done = False

    def record(self):
        self.at = self.stream.clock

    def synchronize(self):
        assert self.at is not None
        self.done = True

    def elapsed_time(self, end):
        if not (self.done and end.done):
            raise RuntimeError("not ready")
        return float(np.float32(1000 * (end.at - self.at)))


def test_it_tells_the_time_that_queued_work_takes_on_the_device():
    stream = Stream()
    timer = EventTimer(stream, "cuda")
    before = timer()
    stream.clock += 0.25
    assert timer() - before == pytest.approx(0.25)
    assert stream.devices == []


def test_a_microsecond_counts_after_an_hour():
    stream = Stream()
    timer = EventTimer(stream, "cuda:1")
    for _ in range(3600):
        stream.clock += 1.0
        timer()
    before = timer()
    stream.clock += 1e-6
    assert timer() - before == pytest.approx(1e-6, rel=1e-3)
    assert stream.devices == ["cuda:1"]


def test_a_cpu_is_timed_by_the_hosts_clock():
    timer = timer_of("cpu")
    assert timer() <= timer()


@pytest.mark.parametrize(("device", "message"), [("mps", "only 'cpu' and 'cuda'"), ("cuda", "finds no CUDA device")])
def test_a_device_without_a_clock_is_refused(device, message, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(RecbenchError, match=message):
        timer_of(device)
