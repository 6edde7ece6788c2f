"""`Share`: a folder of any file system that fsspec reaches, for stores on machines without a path in common."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recbench.errors import DataError
from recbench.store.artifacts import ARRAY_NAME, read_artifact, read_header
from recbench.store.files import StoreError, sync_folder, write_file, writing
from recbench.store.store import Store


class Share:
    """Artifacts and logs on their way from one store to another.

    Layout: `artifacts/<key[:2]>/<key>/meta.json`, and beside it `<digest>/NAME.npy`. The arrays are there before
    `meta.json` is, under a name that is of their content, so that what another machine reads is of one piece.

    Args:
        url: of a folder: `s3://bucket/run`, `gs://bucket/run`, `file:///shared/run`.

    Raises:
        StoreError: fsspec does not know such a file system, or its package is missing.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        self.url = url
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise StoreError(f"{url} is no place for a run: {error}") from error

    def push(self, store: Store, key: str) -> None:
        """Copy the artifact from the store, if the one that is here is not the same.

        Raises:
            DataError: the store has no such artifact, or the one that is here is damaged.
            StoreError: the URL cannot be written to.
        """
        folder = store.folder(key)
        header = read_header(folder)
        if self._header(key).get("digest") == header["digest"]:
            return
        with self._talking(), self._files.transaction:  # files appear whole, in this order
            for name in header["arrays"]:
                self._upload(folder / f"{name}.npy", f"{self._artifact(key)}/{header['digest']}/{name}.npy")
            self._upload(folder / "meta.json", f"{self._artifact(key)}/meta.json")

    def pull(self, store: Store, key: str) -> None:
        """Copy the artifact into the store, if that does not have it.

        Raises:
            DataError: it is not here, is damaged, or another one has its key in the store.
            StoreError: the URL cannot be read, or the store's folder not be written to.
        """
        header = self._header(key)
        if not header:
            raise DataError(f"there is no artifact '{key}' at {self.url}; run the stage that makes it")

        def fill(folder: Path) -> None:
            for name in header["arrays"]:
                self._download(f"{self._artifact(key)}/{header['digest']}/{name}.npy", folder / f"{name}.npy")
            self._download(f"{self._artifact(key)}/meta.json", folder / "meta.json")
            sync_folder(folder)
            if read_artifact(folder).digest != header["digest"]:
                raise self._damaged(key)

        store.place(key, fill)
        if store.digest(key) != header["digest"]:
            raise DataError(
                f"artifact '{key}' at {self.url} is another one than {store.folder(key)}; remove one of them"
            )

    def push_log(self, store: Store, log: str) -> None:
        """Copy a log, `logs/NAME.log`, if the store has it.

        Raises:
            StoreError: the URL cannot be written to.
        """
        if (store.root / log).is_file():
            with self._talking():
                self._upload(store.root / log, f"{self._root}/{log}")

    def pull_log(self, store: Store, log: str) -> None:
        """Copy a log into the store, if it is here.

        Raises:
            StoreError: the URL cannot be read, or the store's folder not be written to.
        """
        if self.has(log):
            with self._talking():
                content = self._files.cat_file(f"{self._root}/{log}")
            with writing(store.root):
                write_file(store.root / log, content)

    def has(self, name: str) -> bool:
        """Whether there is a file of that name.

        Raises:
            StoreError: the URL cannot be read.
        """
        with self._talking():
            return bool(self._files.exists(f"{self._root}/{name}"))

    def mark(self, name: str) -> None:
        """Put an empty file there.

        Raises:
            StoreError: the URL cannot be written to.
        """
        with self._talking():
            self._write(f"{self._root}/{name}", b"")

    def unmark(self, name: str) -> None:
        """Remove that file.

        Raises:
            StoreError: the URL cannot be written to.
        """
        with self._talking():
            self._files.rm_file(f"{self._root}/{name}")

    def _artifact(self, key: str) -> str:
        return f"{self._root}/artifacts/{key[:2]}/{key}"

    def _header(self, key: str) -> dict[str, Any]:
        """Of the artifact that is here; empty where there is none."""
        with self._talking():
            try:
                content = self._files.cat_file(f"{self._artifact(key)}/meta.json")
            except FileNotFoundError:
                return {}
        try:
            header: dict[str, Any] = json.loads(content)
            names = [header["digest"], *header["arrays"]]
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(key) from error
        if not all(isinstance(name, str) and ARRAY_NAME.match(name) for name in names):
            raise self._damaged(key)  # the names become paths
        return header

    def _damaged(self, key: str) -> DataError:
        return DataError(f"artifact '{key}' at {self.url} is damaged; remove it there and run its stage again")

    def _upload(self, source: Path, path: str) -> None:
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        with source.open("rb") as from_, self._files.open(path, "wb") as to:
            shutil.copyfileobj(from_, to)

    def _write(self, path: str, content: bytes) -> None:
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._files.pipe_file(path, content)

    def _download(self, path: str, target: Path) -> None:
        with self._talking(), self._files.open(path, "rb") as from_, target.open("xb") as to:
            shutil.copyfileobj(from_, to)
            to.flush()
            os.fsync(to.fileno())

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """Turn what the file system says into a `StoreError`."""
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"copying to or from {self.url} fails: {error}; mend that and run again: what is done stays done"
            ) from error
