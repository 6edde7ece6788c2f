"""Streams are independent, and the same in every process."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbench.contracts import derive_seed, numpy_rng, torch_rng

names = st.lists(st.one_of(st.text(alphabet="abc01", max_size=4), st.integers(0, 99)), max_size=3)


@given(st.integers(0, 2**63 - 1), names)
@settings(max_examples=60, deadline=None)
def test_a_seed_fits_every_generator_and_is_a_function_of_its_names(seed: int, stream: list[str | int]) -> None:
    derived = derive_seed(seed, *stream)
    assert 0 <= derived < 2**63
    assert derived == derive_seed(seed, *stream)
    np.random.default_rng(derived)
    torch.Generator().manual_seed(derived)


def test_names_are_kept_apart() -> None:
    streams = [(), ("a",), ("b",), ("a", "b"), ("b", "a"), ("ab",), ("a", 1), ("a1",), ("a", 11), ("a", 1, 1), ("",)]
    derived = {derive_seed(seed, *stream) for seed in (0, 1, 10) for stream in streams}
    assert len(derived) == 3 * len(streams)


@pytest.mark.parametrize("hash_seed", ["0", "1", "random"])
def test_the_seed_is_the_same_in_every_process(hash_seed: str) -> None:
    line = "from recbench.seeds import *; print(derive_seed(7, 'users', 3), numpy_rng(7, 'x').integers(10**9))"
    out = subprocess.run(
        [sys.executable, "-c", line], env={**os.environ, "PYTHONHASHSEED": hash_seed}, capture_output=True, check=True
    ).stdout
    assert out.split() == [b"%d" % derive_seed(7, "users", 3), b"%d" % numpy_rng(7, "x").integers(10**9)]


def test_a_published_seed_never_changes() -> None:
    # sha256("7\x1fusers\x1f3"): results are identified by their seeds.
    assert derive_seed(7, "users", 3) == 1257412786266280900


def test_streams_are_uncorrelated_and_do_not_depend_on_the_order_of_drawing() -> None:
    draws = np.stack([numpy_rng(0, "stream", k).normal(size=4000) for k in range(8)])
    assert abs(np.corrcoef(draws) - np.eye(8)).max() < 4 / np.sqrt(4000) + 0.01
    first = torch.randn(5, generator=torch_rng(0, "items"))
    torch.randn(1000, generator=torch_rng(0, "users"))
    assert torch.equal(first, torch.randn(5, generator=torch_rng(0, "items")))
