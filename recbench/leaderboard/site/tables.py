"""Boards as tables of texts, whatever their columns are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from recbench.leaderboard.render import Board, by_dataset_and_size, foot, plain, sections

Section = tuple[str, float]
"""A data set and an attack size."""


def sections_of(boards: Iterable[Board]) -> dict[Section, str]:
    """The data sets and sizes that a reader chooses among, with what boards write over them."""
    return {
        (row.dataset, row.size): plain(board.section(row))
        for board in boards
        if board.section is by_dataset_and_size
        for row in board.rows
    }


def table(board: Board) -> dict[str, Any]:
    """A board as JSON: its columns, and of each section the heading and the texts of the rows."""
    return {
        "name": board.name,
        "title": board.title,
        "columns": [{"heading": column.heading, "words": column.words} for column in board.columns],
        "sections": [
            {
                "heading": plain(heading),
                "rows": [[plain(column.cell(row)) for column in board.columns] for row in rows],
            }
            for heading, rows in sections(board)
        ],
        "foot": [plain(line) for line in foot(board)],
    }
