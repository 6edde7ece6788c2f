"""The arrays of a bundle: which there are, and `.npy` files read without `numpy.load`.

A header is matched, not evaluated, and its shape is held against the bytes that are there before anything is
allocated. Integers travel in the narrowest type that holds them, which spares more than compression alone.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.submission.refusal import refused


@dataclass(frozen=True)
class ArrayRule:
    """What an array of a bundle is: its type in the store, its dimensions, and whether it may be absent."""

    dtype: str
    dimensions: int = 1
    optional: bool = False


ARRAYS: Mapping[str, Mapping[str, ArrayRule]] = {
    "profiles": {
        "indptr": ArrayRule("<i8"),
        "items": ArrayRule("<i4"),
        "ratings": ArrayRule("<f4", optional=True),
        "templates": ArrayRule("<i8"),
    },
    "verdict": {"suspicion": ArrayRule("<f8"), "keep": ArrayRule("|b1")},
    "fit": {
        "top": ArrayRule("<i4", 2),
        "target_ranks": ArrayRule("<i4", 2),
        "target_scores": ArrayRule("<f4", 2),
        "candidates": ArrayRule("<i4"),
        "suspicion": ArrayRule("<f8", optional=True),
        "predicted": ArrayRule("<f8", optional=True),
    },
}
"""By what an artifact is to a cell, and by the array's name."""

_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '(\|b1|\|i1|<i2|<i4|<i8|<f4|<f8)', 'fortran_order': False, "
    rb"'shape': \((\d{1,10}),(?: (\d{1,10}))?\), \} *\n",
    re.DOTALL,
)
_NARROW = (np.int8, np.int16, np.int32)


def to_npy(array: NDArray[Any]) -> bytes:
    """The `.npy` file of an array, integers narrowed."""
    if array.dtype.kind == "i" and array.size:
        low, high = int(array.min()), int(array.max())
        fitting = (kind for kind in _NARROW if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)
        array = array.astype(next(fitting, array.dtype))
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def from_npy(content: bytes, rule: ArrayRule, file: str) -> NDArray[Any]:
    """The array of a `.npy` file, in the type of the rule.

    Raises:
        SubmissionError: another type (objects among them), other dimensions, another number of bytes than the
            header says, or values that are not finite.
    """
    match = _HEADER.match(content)
    if match is None:
        raise refused(file, "it is no .npy file of version 1.0 with plain numbers in C order")
    dtype, wanted = np.dtype(match[1].decode()), np.dtype(rule.dtype)
    shape = tuple(int(part) for part in match.groups()[1:] if part is not None)
    if dtype.kind != wanted.kind or dtype.itemsize > wanted.itemsize or (dtype != wanted and dtype.kind != "i"):
        raise refused(file, f"it holds {dtype}; expected {wanted}")
    if len(shape) != rule.dimensions:
        raise refused(file, f"it has {len(shape)} dimensions; expected {rule.dimensions}")
    if match.end() + math.prod(shape) * dtype.itemsize != len(content):
        raise refused(file, f"its header says {shape}, which is not the number of bytes that follow")
    array = np.frombuffer(content, dtype, offset=match.end()).reshape(shape)
    if dtype.kind == "b" and array.view(np.uint8).max(initial=0) > 1:
        raise refused(file, "it holds truth values other than 0 and 1")
    if dtype.kind == "f" and not np.isfinite(array).all():
        raise refused(file, "it holds values that are not finite")
    return array.astype(wanted, copy=False)
