"""Stands in for a full disk: importing this makes a write fail with ENOSPC in every process that imports it.

`RECBENCH_TEST_FULL` says which: `artifact`, the last array of a fit, or `record`, the third record.
"""

import errno
import itertools
import os
from pathlib import Path

from recbench.store import artifacts, store

full = os.environ["RECBENCH_TEST_FULL"]
records = itertools.count(1)
write_file = store.write_file
save = artifacts.np.save


def no_space(path: Path) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def write_file_to_full_disk(path, content):
    if full == "record" and path.parent.name == "cells" and next(records) > 2:
        raise no_space(path)
    write_file(path, content)


def save_to_full_disk(file, array, **options):
    if full == "artifact" and Path(file.name).name == "candidates.npy":
        file.write(b"\x93NUM")
        raise no_space(Path(file.name))
    save(file, array, **options)


store.write_file = write_file_to_full_disk
artifacts.np.save = save_to_full_disk
