"""Checks of data sets."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np

from recbench.conformance.check import Failed, Subject, check
from recbench.conformance.watch import watching
from recbench.data.splits import ratio_split

CHECKSUM = re.compile(r"[0-9a-f]{64}|md5:[0-9a-f]{32}")

DIGEST_OF_LOADED = """
import sys
from recbench.component import Component
from recbench.factories import resolve
name, factory, version = sys.argv[1:]
print(resolve(Component("dataset", name, factory, version))().load().interactions.digest)
"""


@check("dataset")
def every_raw_file_has_a_checksum(subject: Subject) -> None:
    """Files under one name change: mirrors re-encode, publishers mend. Without a checksum two laboratories compare
    figures on different data and do not know."""
    sources = subject.build().sources
    if not sources:
        raise Failed("it names no source; say where its files come from")
    for source in sources:
        for name, checksum in source.files.items():
            if not CHECKSUM.fullmatch(checksum):
                raise Failed(
                    f"{source.label}: {name} has the checksum {checksum!r}; pin the sha256 of the published file"
                )


@check("dataset", guards=("D18", "D29"))
def it_holds_what_was_published(subject: Subject) -> None:
    """Readers dropped a last line, took a header for data or numbered ids anew, and every later figure was of another
    data set."""
    dataset = subject.build()
    data, info = dataset.load(), dataset.info
    kept = data.interactions
    for word, found, published in (
        ("users", len(np.unique(kept.users)), info.users),
        ("items", len(np.unique(kept.items)), info.items),
        ("interactions", len(kept), info.interactions),
    ):
        if found != published:
            raise Failed(f"{found:,} {word} have been read; {published:,} are published: look at what the reader drops")
    if info.scale is not None and (kept.ratings is None or not info.scale.holds(kept.ratings).all()):
        raise Failed(f"ratings are missing or off the published scale {info.scale}")
    if wrong := data.provides ^ subject.component.provides:
        raise Failed(
            f"it declares what it does not hold, or holds what it does not declare: {', '.join(sorted(wrong))}"
        )


@check("dataset", guards=("D29",))
def every_process_reads_the_same_data_and_splits_it_alike(subject: Subject) -> None:
    """Ids were handed out by iterating a Python set, whose order changes with the hash seed of the process: no two runs
    had the same split, nor the same targets."""
    component = subject.component
    command = [sys.executable, "-c", DIGEST_OF_LOADED, component.name, component.factory, component.version]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONHASHSEED": "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1",  # another one than here
    }
    reader = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if reader.returncode:
        raise Failed(f"a fresh process cannot load it: {reader.stderr.strip().splitlines()[-1]}")
    first, second = (subject.build().load().interactions for _ in range(2))
    if first.digest != reader.stdout.split()[-1]:
        raise Failed("two processes read different data; number ids in the order of the file or sorted, never of a set")
    if ratio_split(first, seed=1).train.digest != ratio_split(second, seed=1).train.digest:
        raise Failed("one seed splits it in two ways; load must return the same rows in the same order")


@check("dataset")
def a_second_load_works_offline(subject: Subject) -> None:
    """Compute nodes have no network; a data set that asks a server each time fails there, or changes on the way."""
    subject.build().load()
    with watching() as seen:
        subject.build().load()
    if asked := seen.network + seen.processes:
        raise Failed(f"a second load calls {asked[0]}; inherit load from Dataset, which keeps verified files")
