"""`Share`: a folder of any file system that fsspec reaches, for stores on machines without a path in common."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from recbench.errors import DataError
from recbench.store.artifacts import content_digest, read_artifact, read_header
from recbench.store.files import StoreError, write_file, writing
from recbench.store.store import SUFFIX, Store


class Share:
    """Artifacts and logs on their way from one store to another.

    Its layout is the store's. Files appear whole, so that what another machine reads is of one piece.

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
        if self._digest(key) != store.digest(key):
            with self._talking(), self._files.transaction:
                self._upload(store.path(key), self._artifact(key))

    def pull(self, store: Store, key: str) -> None:
        """Copy the artifact into the store, if that does not have it.

        Raises:
            DataError: it is not here, is damaged, or another one has its key in the store.
            StoreError: the URL cannot be read, or the store's folder not be written to.
        """
        digest = self._digest(key)
        if not digest:
            raise DataError(f"there is no artifact '{key}' at {self.url}; run the stage that makes it")

        def fill(file: BinaryIO) -> None:
            with self._talking(), self._files.open(self._artifact(key), "rb") as from_:
                shutil.copyfileobj(from_, file)
            file.flush()
            try:
                sound = content_digest(read_artifact(Path(file.name))) == digest
            except DataError as error:
                raise self._damaged(key) from error
            if not sound:
                raise self._damaged(key)

        store.place(key, fill)
        if store.digest(key) != digest:
            raise DataError(f"artifact '{key}' at {self.url} is another one than {store.path(key)}; remove one of them")

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
        return f"{self._root}/artifacts/{key[:2]}/{key}{SUFFIX}"

    def _digest(self, key: str) -> str:
        """Of the artifact that is here; empty where there is none."""
        try:
            with self._talking():
                try:
                    with self._files.open(self._artifact(key), "rb", block_size=1 << 16) as file:
                        return read_header(file).digest
                except FileNotFoundError:
                    return ""
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._damaged(key) from error

    def _damaged(self, key: str) -> DataError:
        return DataError(f"artifact '{key}' at {self.url} is damaged; remove it there and run its stage again")

    def _upload(self, source: Path, path: str) -> None:
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        with source.open("rb") as from_, self._files.open(path, "wb") as to:
            shutil.copyfileobj(from_, to)

    def _write(self, path: str, content: bytes) -> None:
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._files.pipe_file(path, content)

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """Turn what the file system says into a `StoreError`."""
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"copying to or from {self.url} fails: {error}; mend that and run again: what is done stays done"
            ) from error
