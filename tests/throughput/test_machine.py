"""Figures of two machines are never compared silently."""

import pytest

from recbench.throughput.machine import differences, machine

HERE = machine("cpu", 1) | {"protocol": {"users": 1000}}


def test_one_machine_is_comparable_with_itself():
    assert differences(HERE, dict(HERE)) == ([], [])


@pytest.mark.parametrize(
    "change",
    [{"processor": "abacus"}, {"cores": 512}, {"threads": 2}, {"device": "cuda"}, {"protocol": {"users": 9}}],
    ids=lambda change: next(iter(change)),
)
def test_another_machine_or_another_protocol_is_refused(change):
    refused, _ = differences(HERE, HERE | change)
    assert [line.partition(":")[0] for line in refused] == list(change)


def test_another_gpu_is_refused_and_another_driver_is_told():
    one, other = ({"gpu": {"name": name, "driver_version": version}} for name, version in (("A", "1"), ("B", "2")))
    refused, warned = differences(HERE | one, HERE | other)
    assert refused == ["gpu.name: A and B"]
    assert warned == ["gpu.driver_version: 1 and 2"]


def test_another_version_of_what_computes_is_told():
    packages = HERE["packages"] | {"torch": "0.1", "tabulate": "0.1"}
    refused, warned = differences(HERE, HERE | {"packages": packages})
    assert refused == []
    assert warned == [f"packages.torch: {HERE['packages']['torch']} and 0.1"]
