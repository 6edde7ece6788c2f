"""RecBole beside libraries of today, and without traces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from recbole.trainer import trainer
from scipy.sparse import dok_matrix


@contextmanager
def mended() -> Iterator[None]:
    """Within it, RecBole writes no board into the working directory, and its graphs find what SciPy 1.13 took away.

    Nor does torch look for anomalies, which makes training slower: a module of RecBole's sequential models has it do so
    in any process that imports them.
    """
    with (
        torch.autograd.set_detect_anomaly(False),
        patch.object(trainer, "get_tensorboard", lambda logger: _NoBoard()),
        patch.object(dok_matrix, "_update", _update, create=True),
    ):
        yield


def _update(matrix: Any, entries: dict[tuple[int, int], float]) -> None:
    """Set entries unchecked; `_dict` since SciPy 1.13, before which the matrix itself was a dict."""
    dict.update(getattr(matrix, "_dict", matrix), entries)


class _NoBoard:
    """Of TensorBoard."""

    def add_scalar(self, *_: object) -> None: ...

    def add_hparams(self, *_: object) -> None: ...
