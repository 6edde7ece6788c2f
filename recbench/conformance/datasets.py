"""Checks of data sets."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass

import numpy as np

from recbench.conformance.check import Failed, Subject, check
from recbench.conformance.shared import shared
from recbench.conformance.watch import watching
from recbench.contracts.dataset import UNPUBLISHED, Dataset
from recbench.data.splits import ratio_split

CHECKSUM = re.compile(r"[0-9a-f]{64}|md5:[0-9a-f]{32}")

READ = """
import sys
from recbench.component import Component
from recbench.conformance.datasets import read
from recbench.factories import resolve
name, factory, version = sys.argv[1:]
print(*read(resolve(Component("dataset", name, factory, version))()).digests)
"""


@dataclass(frozen=True)
class Read:
    """What one reading of a data set gave.

    Args:
        counts: users, items and interactions.
        off_scale: ratings are missing or off the published scale.
        provides: what it holds.
        digests: of the interactions and of the training part of a split.
    """

    counts: tuple[int, int, int]
    off_scale: bool
    provides: frozenset[str]
    digests: tuple[str, str]


def read(dataset: Dataset) -> Read:
    """Load it and look at all that the checks are about."""
    data, scale = dataset.load(), dataset.info.scale
    kept = data.interactions
    return Read(
        counts=(int(np.count_nonzero(kept.user_counts)), int(np.count_nonzero(kept.item_counts)), len(kept)),
        off_scale=scale is not None and (kept.ratings is None or not bool(scale.holds(kept.ratings).all())),
        provides=data.provides,
        digests=(kept.digest, ratio_split(kept, seed=1).train.digest),
    )


def read_here(subject: Subject) -> Read:
    """The same, once for all checks of the subject: a large data set takes a quarter of a minute to read."""
    return shared("read", lambda: read(subject.build()))


@check("dataset")
def every_raw_file_has_a_checksum(subject: Subject) -> None:
    """Files under one name change: mirrors re-encode, publishers mend. Without a checksum two laboratories compare
    figures on different data and do not know."""
    dataset = subject.build()
    sources, info = dataset.sources, dataset.info
    if not sources:
        raise Failed("it names no source; say where its files come from")
    counted = None not in (info.users, info.items, info.interactions)
    for source in sources:
        for name, checksum in source.files.items():
            if checksum == UNPUBLISHED and counted:  # then the counts tell another version
                continue
            if not CHECKSUM.fullmatch(checksum):
                raise Failed(
                    f"{source.label}: {name} has the checksum {checksum!r}; pin the sha256 of the published file"
                )


@check("dataset", guards=("D18", "D29"))
def it_holds_what_was_published(subject: Subject) -> None:
    """Readers dropped a last line, took a header for data or numbered ids anew, and every later figure was of another
    data set."""
    info, found = subject.build().info, read_here(subject)
    published = (info.users, info.items, info.interactions)
    for word, here, there in zip(("users", "items", "interactions"), found.counts, published, strict=True):
        if there is not None and here != there:
            raise Failed(f"{here:,} {word} have been read; {there:,} are published: look at what the reader drops")
    if found.off_scale:
        raise Failed(f"ratings are missing or off the published scale {info.scale}")
    if wrong := found.provides ^ subject.component.provides:
        raise Failed(
            f"it declares what it does not hold, or holds what it does not declare: {', '.join(sorted(wrong))}"
        )


@check("dataset", guards=("D29",))
def every_process_reads_the_same_data_and_splits_it_alike(subject: Subject) -> None:
    """Ids were handed out by iterating a Python set, whose order changes with the hash seed of the process: no two runs
    had the same split, nor the same targets."""
    component = subject.component
    command = [sys.executable, "-c", READ, component.name, component.factory, component.version]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONHASHSEED": "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1",  # another one than here
    }
    reader = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if reader.returncode:
        raise Failed(f"a fresh process cannot load it: {reader.stderr.strip().splitlines()[-1]}")
    *_, interactions, split = reader.stdout.split()
    here = read_here(subject).digests
    if here[0] != interactions:
        raise Failed("two processes read different data; number ids in the order of the file or sorted, never of a set")
    if here[1] != split:
        raise Failed("one seed splits it in two ways; load must return the same rows in the same order")


@check("dataset")
def a_second_load_works_offline(subject: Subject) -> None:
    """Compute nodes have no network; a data set that asks a server each time fails there, or changes on the way."""
    first = read_here(subject)
    with watching() as seen:
        again = subject.build().load().interactions
    if again.digest != first.digests[0]:
        raise Failed("a second load gives other data; load must return the same rows in the same order")
    if asked := seen.network + seen.processes:
        raise Failed(f"a second load calls {asked[0]}; inherit load from Dataset, which keeps verified files")
