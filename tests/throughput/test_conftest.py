"""The deadline of a measurement."""

import time

import pytest

from recbench.throughput.conftest import within


def _stubborn() -> None:
    for _ in range(100):
        try:
            time.sleep(0.05)
        except Exception as error:
            raise ImportError("as libraries do") from error


def test_a_deadline_ends_what_makes_another_error_of_every_exception() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"not done after 0\.1 s"), within(0.1):
        _stubborn()
