"""A recommender in any language: a command that reads a training file and writes top-N lists."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recbench.adapters.feedback import table
from recbench.adapters.seeding import library_seed
from recbench.component import Component
from recbench.contracts import FitContext, Recommender
from recbench.data import Interactions
from recbench.errors import DataError, PluginError, suggestion

EXAMPLE = "./train.sh {train} {out}"
COLUMNS = ("user_id", "item_id", "score")
TAIL = 5
"""How many of the last lines that a failed command wrote are shown."""


@dataclass(frozen=True)
class Command(Recommender):
    """Runs a command such as `./train.sh {train} {out}`, without a shell, in the current folder.

    - `{train}` is a CSV file with the header `user_id,item_id[,rating][,timestamp]`, one line an
      interaction. Ids are integers from 0; the file holds every interaction that the victim is trained on.
    - `{out}` is the CSV file to write, `user_id,item_id[,score]`. A user's items are in the order of their
      lines, best first, or of their scores, where higher is better. Items that the user has in `{train}`
      may be listed; they are not counted.
    - `{seed}`, where it occurs, is an integer in [0, 2**31).

    Items that a user's list leaves out tie below all that are on it, and for a user without a list all items
    tie; the harness breaks ties by lot. The rank gain therefore saturates at the end of the list: write
    all items if it is to be measured exactly. The command runs in the worker's process group and ends with it.

    Args:
        command: its words, quoted as in a shell.

    Raises:
        PluginError: a placeholder is missing, or the quotes do not match.
    """

    command: str

    def __post_init__(self) -> None:
        _split(self.command)
        for name in ("{train}", "{out}"):
            if name not in self.command:
                raise PluginError(f"command '{self.command}' has no {name}; write it as {EXAMPLE}")

    @staticmethod
    def component(command: str) -> tuple[Component, dict[str, Any]]:
        """The component that stands for a command, and its parameters.

        Its version is the hash of the files that the command names, so an edited script is another version.
        """
        hasher = hashlib.sha256()
        for word in _split(command):
            for path in (Path(word), Path(word.partition("=")[2])):  # --config=FILE names a file, too
                if path.is_file():
                    hasher.update(path.read_bytes())
        component = Component(
            "recommender",
            "command",
            f"{Command.__module__}:{Command.__qualname__}",
            version=hasher.hexdigest()[:12],
            family="command",
            summary="a command that writes top-N lists",
        )
        return component, {"command": command}

    def fit(self, train: Interactions, ctx: FitContext) -> ListScorer:
        """Run the command.

        Raises:
            PluginError: there is no such command, it fails, or it writes no lists.
            DataError: what it writes cannot be read; see `read_lists`.
        """
        with tempfile.TemporaryDirectory(prefix="recbench-") as folder:
            data, out = Path(folder, "train.csv"), Path(folder, "out.csv")
            table(train).to_csv(data, index=False)
            values = {"{train}": str(data), "{out}": str(out), "{seed}": str(library_seed(ctx))}
            self._run([_filled(word, values) for word in _split(self.command)])
            if not out.is_file():
                raise PluginError(f"command '{self.command}' wrote nothing to {{out}}")
            return read_lists(out, train.n_users, train.n_items, f"{{out}} of command '{self.command}'")

    def _run(self, words: list[str]) -> None:
        try:
            finished = subprocess.run(
                words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", check=False
            )
        except OSError as error:
            raise PluginError(f"command '{words[0]}' cannot be run: {error.strerror or error}") from error
        sys.stderr.write(finished.stderr)
        if finished.returncode:
            last = " | ".join(finished.stderr.strip().splitlines()[-TAIL:]) or "it wrote nothing to stderr"
            raise PluginError(f"command '{words[0]}' ended with status {finished.returncode}: {last}")


def _split(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise PluginError(f"command '{command}' cannot be split into words: {str(error).lower()}") from None
    if not words:
        raise PluginError(f"the command is empty; write it as {EXAMPLE}")
    return words


def _filled(word: str, values: Mapping[str, str]) -> str:
    for placeholder, value in values.items():
        word = word.replace(placeholder, value)
    return word


def read_lists(path: Path, n_users: int, n_items: int, source: str) -> ListScorer:
    """Read `user_id,item_id[,score]`, lists in the order of their lines or of their scores.

    Args:
        path: the CSV file.
        n_users, n_items: sizes of the id spaces.
        source: what to call the file in messages.

    Raises:
        DataError: no such columns or others, rows wider than the header, no line, ids that are unknown or no integers,
            an item twice in a list, or scores that are no finite numbers.
    """
    import pandas as pd

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            # Where rows are wider than the header, pandas takes their first fields as an index, which shifts the rest.
            lists = pd.read_csv(path, skipinitialspace=True, index_col=False)
    except pd.errors.ParserWarning:
        raise DataError(f"{source} has rows with more fields than its header; name every column in it") from None
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise DataError(f"{source} is no CSV file: {' '.join(str(error).split())}") from None
    for name, size in (("user_id", n_users), ("item_id", n_items)):
        if name not in lists:
            raise DataError(f"{source} has no column {name}{suggestion(name, map(str, lists.columns))}")
        if lists.empty:
            raise DataError(f"{source} holds no list, only the header")
        if not pd.api.types.is_integer_dtype(lists[name]):
            raise DataError(f"{source}: {name} must be integers throughout")
        unknown = ((lists[name] < 0) | (lists[name] >= size)).to_numpy()
        if unknown.any():
            line = int(np.flatnonzero(unknown)[0])
            raise DataError(
                f"{source}, line {line + 2}: {name} {lists[name][line]} is unknown; 0 to {size - 1} are known"
            )
    for name in lists.columns.difference(list(COLUMNS)):
        if lists[name].notna().any():  # a comma at the end of every line makes an empty column
            raise DataError(f"{source} has a column {name}{suggestion(str(name), COLUMNS)}")
    again = lists.duplicated(["user_id", "item_id"]).to_numpy()
    if again.any():
        line = int(np.flatnonzero(again)[0])
        user, item = lists["user_id"][line], lists["item_id"][line]
        raise DataError(f"{source}, line {line + 2}: item {item} is listed twice for user {user}")
    users, items = lists["user_id"].to_numpy(np.int64), lists["item_id"].to_numpy(np.int64)
    if "score" not in lists:
        order = lists.groupby("user_id").cumcount().to_numpy(np.float64)
        values = order.max() + 1 - order
    else:
        scores = pd.to_numeric(lists["score"], errors="coerce").to_numpy(np.float64)
        if not np.isfinite(scores).all():
            line = int(np.flatnonzero(~np.isfinite(scores))[0])
            raise DataError(f"{source}, line {line + 2}: score '{lists['score'][line]}' is no finite number")
        # Places in the order of all scores, from 1: they keep order and ties, and 0 is free for the unlisted.
        values = np.unique(scores, return_inverse=True)[1] + 1.0
    return ListScorer(sp.csr_matrix((values, (users, items)), shape=(n_users, n_items)))


@dataclass(frozen=True, eq=False)
class ListScorer:
    """Args: places: float64 CSR [n_users, n_items], positive where an item is listed and higher for better."""

    places: sp.csr_matrix

    def score(self, users: NDArray[np.integer]) -> NDArray[np.float64]:
        """Scores [b, n_items] of `users` [b]: 0 for what is not listed."""
        scores: NDArray[np.float64] = self.places[users].toarray()
        return scores
