"""`Store`: the folder of one run."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from recbench.errors import DataError
from recbench.store.artifacts import Artifact, content_digest, header_at, read_artifact, write_artifact
from recbench.store.files import keep_first, make_folder, sync_folder, temporary_beside, to_json, write_file, writing

KEY = re.compile(r"^[0-9a-z][0-9a-z._-]{1,127}$")
DOCUMENT = re.compile(r"^[a-z][a-z0-9_-]{0,63}\.json$")

SUFFIX = ".safetensors"

DIGEST = "digest"
"""The entry of a record's file with the sha256 of the others."""

ABANDONED_SECONDS = 3600.0
"""Writing takes seconds: a temporary name that nobody touched for so long belongs to a killed run."""


def check_key(key: str, what: str = "key") -> str:
    """`key`, if it is safe as a file name everywhere.

    Raises:
        DataError: it is not.
    """
    if not isinstance(key, str) or not KEY.match(key):
        raise DataError(f"{what} {key!r} must match {KEY.pattern}: it becomes a file name")
    return key


class Store:
    """Artifacts, cell records and documents under one folder.

    Any number of processes, on any number of machines that share the folder, may read and write at once:
    everything is written under a temporary name and renamed, so it is there whole or not at all.

    Layout: `plan.json`, `cells/<cell_id>.json`, `artifacts/<key[:2]>/<key>.safetensors`, `logs/`.

    Args:
        root: the run's folder; made when something is first written.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def path(self, key: str) -> Path:
        """Where the artifact is, or would be."""
        return self.root / "artifacts" / check_key(key)[:2] / f"{key}{SUFFIX}"

    def has(self, key: str) -> bool:
        """Whether the artifact is there."""
        return self.path(key).is_file()

    def put(self, key: str, artifact: Artifact) -> str:
        """Store the artifact and return the digest of what is stored under `key`, which is the first that came.

        Raises:
            DataError: a key, a name, an array or a meta value that cannot be stored.
            StoreError: the folder cannot be written to.
        """
        self.place(key, lambda file: write_artifact(file, artifact))
        return self.digest(key)

    def place(self, key: str, fill: Callable[[BinaryIO], None]) -> None:
        """Store what `fill` writes, durably, into the empty file that it is given; nothing where `key` is there.

        Raises:
            StoreError: the folder cannot be written to.
        """
        path = self.path(key)
        if self.has(key):
            return
        with writing(self.root):
            make_folder(path.parent)
            temporary = temporary_beside(path)
            try:
                with temporary.open("xb") as file:
                    fill(file)
                    file.flush()
                    os.fsync(file.fileno())
                keep_first(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
            sync_folder(path.parent)

    def get(self, key: str) -> Artifact:
        """The artifact, its arrays mapped into memory and read-only.

        Raises:
            DataError: it is not there, or damaged.
        """
        return read_artifact(self.path(key))

    def meta(self, key: str) -> dict[str, Any]:
        """The artifact's meta, without reading its arrays.

        Raises:
            DataError: it is not there, or damaged.
        """
        return header_at(self.path(key)).meta

    def digest(self, key: str) -> str:
        """The artifact's digest, without reading its arrays.

        Raises:
            DataError: it is not there, or damaged.
        """
        return header_at(self.path(key)).digest

    def artifact_keys(self) -> list[str]:
        """The keys of all artifacts, sorted."""
        return sorted(path.stem for path in self.root.glob(f"artifacts/*/[!.]*{SUFFIX}"))

    def remove(self, key: str) -> None:
        """Remove the artifact."""
        self.path(key).unlink()

    def write_record(self, record: dict[str, Any]) -> None:
        """Write or replace the record of the cell `record["cell_id"]`.

        Raises:
            DataError: the record has no valid `cell_id`, holds a number that is not finite, or is not JSON-able.
            StoreError: the folder cannot be written to.
        """
        cell_id = check_key(record.get("cell_id", ""), "cell_id")
        what = f"the record of cell '{cell_id}'"
        sealed = record | {DIGEST: _digest(record, what)}
        with writing(self.root):
            write_file(self._record(cell_id), to_json(sealed, what, indent=1))

    def read_record(self, cell_id: str) -> dict[str, Any] | None:
        """The cell's record; None where there is none, or only a corrupt one (`check` tells)."""
        record = _read_object(self._record(check_key(cell_id, "cell_id")))
        if record is None or record.get("cell_id") != cell_id:
            return None
        digest = record.pop(DIGEST, None)  # the first version wrote none
        return record if digest in (None, _digest(record, "a record")) else None

    def records(self) -> list[dict[str, Any]]:
        """All records that can be read, sorted by `cell_id`."""
        records = (self.read_record(cell_id) for cell_id in self._cell_ids())
        return [record for record in records if record is not None]

    def write_document(self, name: str, document: dict[str, Any]) -> None:
        """Write or replace a document of the run, such as `plan.json`.

        Raises:
            DataError: a name that is no plain `name.json`, or a document that is not JSON-able.
            StoreError: the folder cannot be written to.
        """
        with writing(self.root):
            write_file(self._document(name), to_json(document, name, indent=1))

    def read_document(self, name: str) -> dict[str, Any] | None:
        """The document; None where there is none, or one that is not a JSON object."""
        return _read_object(self._document(name))

    def check(self) -> list[str]:
        """One line for everything that is damaged: each record is read, each artifact's digest computed anew."""
        problems = [
            f"the record of cell '{cell_id}' is corrupt; remove {self._record(cell_id)} and run the cell again"
            for cell_id in self._cell_ids()
            if self.read_record(cell_id) is None
        ]
        for path in map(self.path, self.artifact_keys()):
            try:
                artifact = read_artifact(path)
                if content_digest(artifact) != artifact.digest:
                    problems.append(f"artifact '{path.stem}' has changed; remove {path} and run its stage again")
            except DataError as error:
                problems.append(str(error))
        return problems

    def leftovers(self, seconds: float = ABANDONED_SECONDS) -> list[Path]:
        """Files under temporary names that nobody has touched for so long."""
        found = []
        for pattern in (".*.tmp", "cells/.*.tmp", "artifacts/*/.*.tmp"):
            for path in self.root.glob(pattern):
                with contextlib.suppress(FileNotFoundError):  # its writer has just finished
                    if time.time() - path.stat().st_mtime >= seconds:
                        found.append(path)
        return sorted(found)

    def sweep(self) -> None:
        """Remove what killed runs left half-written."""
        for path in self.leftovers():
            path.unlink(missing_ok=True)

    def _record(self, cell_id: str) -> Path:
        return self.root / "cells" / f"{cell_id}.json"

    def _document(self, name: str) -> Path:
        if not DOCUMENT.match(name):
            raise DataError(f"document name {name!r} must match {DOCUMENT.pattern}")
        return self.root / name

    def _cell_ids(self) -> list[str]:
        return sorted(path.stem for path in self.root.glob("cells/*.json") if KEY.match(path.stem))


def _digest(record: dict[str, Any], what: str) -> str:
    return hashlib.sha256(to_json(record, what)).hexdigest()


def _read_object(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return content if isinstance(content, dict) else None
