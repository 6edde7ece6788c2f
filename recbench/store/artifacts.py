"""`Artifact`: named arrays and a little JSON. On disk it is a folder of `.npy` files and `meta.json`."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.errors import DataError
from recbench.store.files import sync_folder, to_json

ARRAY_NAME = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")
MEASURED = "measured"
"""The entry of `meta` for timings and the like: what differs between two runs of the same thing."""
READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
"""Of the headers that `numpy.save` writes, by the version in the file; the third is for fields not named in Latin-1."""


@dataclass(frozen=True, eq=False)
class Artifact:
    """What one stage hands to the next.

    Args:
        arrays: NumPy arrays of any shape and dtype but object. From a store they are read-only.
        meta: JSON-able; its entry `measured` does not count for the digest.
    """

    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """sha256 of names, dtypes, shapes, bytes (in C order) and meta, hexadecimal.

        Raises:
            DataError: a name, an array or a meta value that cannot be stored.
        """
        _check_names(self.arrays)
        hasher = hashlib.sha256()
        for name in sorted(self.arrays):
            array = self.arrays[name]
            _check_array(name, array)
            header = [name, repr(np.lib.format.dtype_to_descr(array.dtype)), array.shape]
            hasher.update(to_json(header, f"array '{name}'"))
            hasher.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        lasting = {name: value for name, value in self.meta.items() if name != MEASURED}
        hasher.update(to_json(lasting, "an artifact's meta"))
        return hasher.hexdigest()


def _check_names(arrays: Mapping[str, NDArray[Any]]) -> None:
    for name in arrays:
        if not isinstance(name, str) or not ARRAY_NAME.match(name):
            raise DataError(f"array name {name!r} must match {ARRAY_NAME.pattern}: it becomes a file name")
    if len({name.casefold() for name in arrays}) < len(arrays):
        raise DataError(f"array names {sorted(arrays)} differ only in case, which not every file system keeps apart")


def _check_array(name: str, array: NDArray[Any]) -> None:
    if not isinstance(array, np.ndarray):
        raise DataError(f"array '{name}' is of type {type(array).__name__}; convert it to a NumPy array first")
    if array.dtype.hasobject:
        raise DataError(
            f"array '{name}' holds Python objects, which only pickle could store; use numbers or fixed-width text"
        )


def write_artifact(folder: Path, artifact: Artifact) -> None:
    """Write into the empty `folder`, durably."""
    header = {"digest": artifact.digest, "arrays": sorted(artifact.arrays), "meta": dict(artifact.meta)}
    files: dict[str, Any] = {f"{name}.npy": array for name, array in artifact.arrays.items()}
    files["meta.json"] = to_json(header, "an artifact's meta")
    for name, content in files.items():
        with (folder / name).open("xb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                np.save(file, content, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
    sync_folder(folder)


def read_header(folder: Path) -> dict[str, Any]:
    """`digest`, the names of the `arrays`, and `meta`.

    Raises:
        DataError: no artifact there, or a damaged one.
    """
    try:
        header = json.loads((folder / "meta.json").read_bytes())
        return {"digest": str(header["digest"]), "arrays": list(header["arrays"]), "meta": dict(header["meta"])}
    except FileNotFoundError as error:
        if folder.is_dir():
            raise _damaged(folder, error) from error
        raise DataError(f"there is no artifact '{folder.name}'; run the stage that makes it") from None
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, error) from error


def read_artifact(folder: Path) -> Artifact:
    """Map the arrays into memory.

    The maps are private copies on write, and the arrays are read-only views of them. NumPy then refuses
    to write; a library that writes all the same (torch.from_numpy does not ask) changes its own pages,
    where a read-only map would be a segmentation fault.

    Raises:
        DataError: no artifact there, or a damaged one.
    """
    header = read_header(folder)
    arrays = {}
    for name in header["arrays"]:
        try:
            arrays[name] = _mapped(folder / f"{name}.npy")
        except (OSError, TypeError, ValueError) as error:
            raise _damaged(folder, error) from error
    return Artifact(arrays, header["meta"])


def _mapped(file: Path) -> NDArray[Any]:
    """The array in an `.npy` file; `numpy.load` takes three times as long, which every stage would notice."""
    with file.open("rb") as opened:
        version = np.lib.format.read_magic(opened)
        if version in READERS:
            shape, fortran_order, dtype = READERS[version](opened)
            if dtype.hasobject:
                raise ValueError(f"{file.name} holds Python objects")
            pages = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
            array: NDArray[Any] = np.ndarray(shape, dtype, pages, opened.tell(), order="F" if fortran_order else "C")
        else:
            array = np.load(file, mmap_mode="c", allow_pickle=False).view(np.ndarray)
    array.flags.writeable = False
    return array


def _damaged(folder: Path, error: Exception) -> DataError:
    return DataError(f"artifact '{folder.name}' is damaged ({error}); remove {folder} and run its stage again")
