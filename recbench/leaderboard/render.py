"""Text, Markdown and CSV of boards. Names and reasons come from plugins: all of them are escaped."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from tabulate import tabulate

ABSENT = "n/a"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a text begins that a spreadsheet would run."""
_MARKUP = re.compile(r"([\\`*_{}\[\]|~$#])")


@dataclass(frozen=True)
class Column:
    """A column of the printed table: its heading, the text of a row's cell, and whether it holds words."""

    heading: str
    cell: Callable[[Any], str]
    words: bool = False


def by_dataset_and_size(row: Any) -> str:
    """The section of a row that has a data set and an attack size."""
    return f"{row.dataset}, attack size {100 * row.size:.3g}%"


@dataclass(frozen=True)
class Board:
    """A leaderboard, ready to print.

    Args:
        name: of its files.
        title: over the tables.
        row_type: the dataclass of its rows, whose fields are the columns of the CSV.
        rows: in the order in which they are printed.
        columns: of the tables.
        foot: lines below.
        section: what stands over the table that a row is in; there is one table for each.
    """

    name: str
    title: str
    row_type: type
    rows: Sequence[Any]
    columns: Sequence[Column]
    foot: Sequence[str]
    section: Callable[[Any], str] = by_dataset_and_size


def foot(board: Board) -> Sequence[str]:
    """The lines below the tables; without rows, that there are none."""
    return board.foot if board.rows else [f"No {board.title.lower()} were run."]


def sections(board: Board) -> list[tuple[str, list[Any]]]:
    """The tables of a board: what stands over each, and its rows."""
    found: dict[str, list[Any]] = {}
    for row in board.rows:
        found.setdefault(board.section(row), []).append(row)
    return list(found.items())


def as_text(board: Board) -> str:
    """The board for a terminal."""
    lines = [board.title.upper()]
    for heading, rows in sections(board):
        lines += ["", plain(heading), "", _table(board, rows, "simple", plain)]
    return "\n".join([*lines, "", *_foot(board, "", plain)]) + "\n"


def as_markdown(board: Board) -> str:
    """The board for a Markdown page."""
    lines = [f"## {board.title}"]
    for heading, rows in sections(board):
        lines += ["", f"### {markdown(heading)}", "", _table(board, rows, "pipe", markdown)]
    return "\n".join([*lines, "", *_foot(board, "- ", markdown)]) + "\n"


def as_list(title: str, lines: Iterable[str]) -> str:
    """Lines for a Markdown page under a title."""
    return "\n".join([f"## {title}", "", *_lines(lines, "- ", markdown)]) + "\n"


def rows_csv(board: Board) -> str:
    """The rows with all of their digits."""
    return as_csv([field.name for field in fields(board.row_type)], [asdict(row) for row in board.rows])


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """A table as CSV; numbers stay numbers, and what is absent is `n/a`."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([guarded(column) for column in columns])
    for row in rows:
        writer.writerow([guarded(row.get(column)) for column in columns])
    return buffer.getvalue()


def guarded(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula, on one line."""
    if value is None:
        return ABSENT
    if not isinstance(value, str):
        return value
    return f"'{plain(value)}" if value.startswith(_FORMULA) else plain(value)


def plain(text: str) -> str:
    """One line without control characters, which could move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def markdown(text: str) -> str:
    """Text that Markdown and HTML show as it is."""
    return html.escape(_MARKUP.sub(r"\\\1", plain(text)), quote=False)


def _table(board: Board, rows: Sequence[Any], style: str, escape: Callable[[str], str]) -> str:
    return tabulate(
        [[escape(column.cell(row)) for column in board.columns] for row in rows],
        [escape(column.heading) for column in board.columns],
        tablefmt=style,
        disable_numparse=True,
        colalign=["left" if column.words else "right" for column in board.columns],
    )


def _foot(board: Board, bullet: str, escape: Callable[[str], str]) -> list[str]:
    return _lines(foot(board), bullet, escape)


def _lines(lines: Iterable[str], bullet: str, escape: Callable[[str], str]) -> list[str]:
    return [bullet + escape(line) for line in lines]
