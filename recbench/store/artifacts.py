"""`Artifact`: named arrays and a little JSON. On disk it is one file in the format of safetensors.

That format is a length, a JSON header and the arrays' bytes. It is written and read here, since its own library copies
every array, where the inputs of a stage are mapped.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import mmap
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from recbench.errors import DataError
from recbench.store.files import to_json

ARRAY_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")
MEASURED = "measured"
"""The entry of `meta` for timings and the like: what differs between two runs of the same thing."""
METADATA = "__metadata__"
"""The entry of the header, beside those of the arrays, with texts by name."""
DTYPES = {
    "BOOL": np.dtype(np.bool_),
    **{f"{kind}{8 * size}": np.dtype(f"<{kind.lower()}{size}") for kind in "IU" for size in (1, 2, 4, 8)},
    **{f"F{8 * size}": np.dtype(f"<f{size}") for size in (2, 4, 8)},
}
"""What the format calls the types that NumPy has, too."""
NAMES = {dtype: name for name, dtype in DTYPES.items()}
LONGEST = 100_000_000
"""The most bytes of a header, as the format has it."""
NOT_ONE = (OSError, ValueError, KeyError, TypeError, AttributeError)
"""What reading raises where something else lies in the place of an artifact."""


@dataclass(frozen=True, eq=False)
class Artifact:
    """What one stage hands to the next.

    Args:
        arrays: NumPy arrays of numbers, of any shape. From a store they are read-only.
        meta: JSON-able; its entry `measured` does not count for the digest.
    """

    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """Of what it holds, as `content_digest` computes it; from a store, that under which it was stored.

        Raises:
            DataError: a name, an array or a meta value that cannot be stored.
        """
        return content_digest(self)


def content_digest(artifact: Artifact) -> str:
    """sha256 of names, dtypes, shapes, bytes (in C order) and meta, hexadecimal, computed anew.

    Raises:
        DataError: a name, an array or a meta value that cannot be stored.
    """
    hasher = hashlib.sha256()
    for name in sorted(artifact.arrays):
        array = artifact.arrays[name]
        _check(name, array)
        hasher.update(to_json([name, repr(array.dtype.str), array.shape], f"array '{name}'"))
        hasher.update(_bytes(array))
    lasting = {name: value for name, value in artifact.meta.items() if name != MEASURED}
    hasher.update(to_json(lasting, "an artifact's meta"))
    return hasher.hexdigest()


def _check(name: str, array: NDArray[Any]) -> None:
    if not isinstance(name, str) or not ARRAY_NAME.match(name):
        raise DataError(f"array name {name!r} must match {ARRAY_NAME.pattern}")
    if not isinstance(array, np.ndarray):
        raise DataError(f"array '{name}' is of type {type(array).__name__}; convert it to a NumPy array first")
    if array.dtype not in NAMES:
        known = ", ".join(str(dtype) for dtype in NAMES)
        raise DataError(f"array '{name}' is of type {array.dtype}, which is not stored; convert it to one of {known}")


def _bytes(array: NDArray[Any]) -> memoryview:
    """In C order."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


@dataclass(frozen=True)
class Header:
    """What is known of an artifact without reading its arrays.

    Args:
        digest, meta: the artifact's.
        arrays: type, shape and place of each array, as the format has them.
        size: in bytes, with the length before it; the arrays' bytes follow.
    """

    digest: str
    meta: dict[str, Any]
    arrays: dict[str, dict[str, Any]]
    size: int


def write_artifact(file: BinaryIO, artifact: Artifact) -> None:
    """Write into the empty file."""
    texts = {"digest": artifact.digest, "meta": to_json(dict(artifact.meta), "an artifact's meta").decode()}
    header: dict[str, Any] = {METADATA: texts}
    # Large types first, as the format's library has it: then all are aligned.
    names = sorted(artifact.arrays, key=lambda name: (-artifact.arrays[name].itemsize, name))
    end = 0
    for name in names:
        array = artifact.arrays[name]
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": NAMES[array.dtype], "shape": array.shape, "data_offsets": (begin, end)}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for name in names:
        file.write(_bytes(artifact.arrays[name]))


def read_header(file: BinaryIO) -> Header:
    """From the start of an artifact's file.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    length = int.from_bytes(file.read(8), "little")
    if length > LONGEST:
        raise ValueError(f"a header of {length} bytes")
    arrays = json.loads(file.read(length))
    texts = arrays.pop(METADATA)
    return Header(str(texts["digest"]), dict(json.loads(texts["meta"])), arrays, 8 + length)


def header_at(path: Path) -> Header:
    """That of the artifact at the path.

    Raises:
        DataError: no artifact there, or a damaged one.
    """
    with _reading(path) as file:
        return read_header(file)


def read_artifact(path: Path) -> Artifact:
    """Map the arrays into memory; the digest is taken from the header.

    The map is private and copied on write, and the arrays are read-only views of it. NumPy then refuses
    to write; a library that writes all the same (torch.from_numpy does not ask) changes its own pages,
    where a read-only map would be a segmentation fault.

    Raises:
        DataError: no artifact there, or a damaged one.
    """
    with _reading(path) as file:
        header = read_header(file)
        pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        arrays = {name: _mapped(pages, header.size, **entry) for name, entry in header.arrays.items()}
    artifact = Artifact(arrays, header.meta)
    vars(artifact)["digest"] = header.digest  # where its property keeps what it has computed
    return artifact


def _mapped(pages: mmap.mmap, start: int, dtype: str, shape: list[int], data_offsets: list[int]) -> NDArray[Any]:
    begin, end = data_offsets
    if begin < 0 or end - begin != DTYPES[dtype].itemsize * math.prod(shape):
        raise ValueError(f"bytes {begin} to {end} are no {dtype} of shape {shape}")
    array: NDArray[Any] = np.ndarray(shape, DTYPES[dtype], pages, start + begin)
    array.flags.writeable = False
    return array


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[BinaryIO]:
    """The file of an artifact; whatever goes wrong with it is a `DataError`."""
    try:
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        raise DataError(f"there is no artifact '{path.stem}'; run the stage that makes it") from None
    except NOT_ONE as error:
        raise DataError(
            f"artifact '{path.stem}' is damaged ({error!r}); remove {path} and run its stage again"
        ) from error
