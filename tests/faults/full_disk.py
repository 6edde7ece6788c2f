"""Stands in for a full disk: importing this makes a write fail with ENOSPC in every process that imports it.

`RECBENCH_TEST_FULL` says which: `artifact`, that of a fit, or `record`, the third record.
"""

import errno
import itertools
import os
from pathlib import Path

from recbench.store import store

full = os.environ["RECBENCH_TEST_FULL"]
records = itertools.count(1)
write_file = store.write_file
write_artifact = store.write_artifact


def no_space(path: Path) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def write_file_to_full_disk(path, content):
    if full == "record" and path.parent.name == "cells" and next(records) > 2:
        raise no_space(path)
    write_file(path, content)


def write_artifact_to_full_disk(file, artifact):
    if full == "artifact" and "candidates" in artifact.arrays:
        file.write(b"half")
        raise no_space(Path(file.name))
    write_artifact(file, artifact)


store.write_file = write_file_to_full_disk
store.write_artifact = write_artifact_to_full_disk
