"""Fetching raw files: from the cache, else from the first source whose files have the right checksums.

A file enters the cache only whole and verified: it is written under a temporary name on the same file
system, hashed, flushed to the disk and renamed. So a fetch that is cut off, or runs twice at once,
leaves either nothing or the right files.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import platformdirs

from recbench.data.sources import MIRROR_VARIABLE, UNPUBLISHED, Mirror, Source
from recbench.errors import DataError

CACHE_VARIABLE = "RECBENCH_CACHE"


def cache_folder() -> Path:
    """Where fetched raw files are kept: RECBENCH_CACHE, else the user's cache folder of this system."""
    return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_path("recbench")) / "datasets"


def fetch(dataset: str, sources: Sequence[Source]) -> Path:
    """The folder in the cache with the verified raw files of `dataset`, fetched where they are not there yet.

    Args:
        dataset: the data set's name.
        sources: tried in this order after the cache.

    Raises:
        DataError: no source gave the right files; the message says why, one source at a time.
    """
    folder, failures = _look_up(dataset, sources)
    if folder is not None:
        return folder
    for source in sources:
        try:
            return _install(dataset, source)
        except (DataError, OSError) as error:
            failures.append(f"{source.label}: {error}")
    mirrored = [
        f"{source.folder or dataset}/{', '.join(source.files)}" for source in sources if isinstance(source, Mirror)
    ]
    raise DataError(
        f"cannot fetch {dataset}; tried {len(failures)} ways: {'; '.join(failures)}. Go online"
        + "".join(f", or set {MIRROR_VARIABLE} to a folder that holds {files}" for files in mirrored)
    )


def find_cached(dataset: str, sources: Sequence[Source]) -> Path | None:
    """The folder in the cache with the verified raw files of `dataset`, or None."""
    return _look_up(dataset, sources)[0]


def verify(folder: Path, files: Mapping[str, str]) -> None:
    """Check that `folder` holds `files`, each with its checksum where one is published.

    Raises:
        DataError: a file is missing or has another checksum.
    """
    for name, expected in files.items():
        if not (folder / name).is_file():
            raise DataError(f"{name} is missing")
        if expected == UNPUBLISHED:
            continue
        algorithm, digest = expected.split(":") if ":" in expected else ("sha256", expected)
        with (folder / name).open("rb") as file:
            found = hashlib.file_digest(file, algorithm).hexdigest()
        if found != digest:
            raise DataError(f"{name} has the {algorithm} {found}, expected {digest}: replace it by the published file")


def _place(dataset: str, source: Source) -> Path:
    """Sources with the same files share a folder; another pinned checksum means another folder."""
    manifest = "\n".join(f"{name} {sha256}" for name, sha256 in sorted(source.files.items()))
    return cache_folder() / dataset / hashlib.sha256(manifest.encode()).hexdigest()[:12]


def _look_up(dataset: str, sources: Sequence[Source]) -> tuple[Path | None, list[str]]:
    """The first cached folder whose files are right, and what is wrong with those before it."""
    failures = []
    for folder, files in {_place(dataset, source): source.files for source in sources}.items():
        if all((folder / name).exists() for name in files):
            try:
                verify(folder, files)
            except DataError as error:
                failures.append(f"cache: {error}")
            else:
                return folder, failures
    return None, failures


def _install(dataset: str, source: Source) -> Path:
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix=f".{dataset}-") as staging:
        source.collect(dataset, Path(staging))
        verify(Path(staging), source.files)
        folder = _place(dataset, source)
        folder.mkdir(parents=True, exist_ok=True)
        for name in source.files:
            _flush(Path(staging) / name)
            os.replace(Path(staging) / name, folder / name)
        _flush(folder)
    return folder


def _flush(path: Path) -> None:
    """Force a file's content, or a folder's entries, onto the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
