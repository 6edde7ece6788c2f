"""LaTeX of a board, to `\\input` into a paper that loads `booktabs` and `graphicx`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from recbench.leaderboard.render import Board, foot, plain, sections

_MEANINGS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",
    "]": "{]}",
    "-": "-{}",
    "–": "--",
    "×": r"\texttimes{}",
}
"""A bracket after `\\\\` would be its argument, and two hyphens in a row a dash."""
_FITTED = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{"
"""Opens what is shrunk to the width of the text where it is wider."""
_SPECIAL = re.compile(f"-(?=-)|[{re.escape(''.join(_MEANINGS.keys() - {'-'}))}]|[^ -~]")


def as_latex(board: Board) -> str:
    """A `table` for each section of the board, and its foot below the last; ASCII, for any engine."""
    head = [
        "% Needs \\usepackage[T1]{fontenc} and the packages textcomp, booktabs and graphicx.",
        f"% {latex(board.title)}",
    ]
    tables = ["\n".join(_table(board, heading, rows)) for heading, rows in sections(board)]
    notes = "\n\n".join(latex(line) for line in foot(board))
    return "\n".join([*head, *tables, "\\begin{flushleft}\\footnotesize", notes, "\\end{flushleft}"]) + "\n"


def latex(text: str) -> str:
    """Text that LaTeX typesets as it is; a letter beyond its reach stands as its code point."""
    return _SPECIAL.sub(lambda found: _MEANINGS.get(found[0]) or f"{{[}}U+{ord(found[0]):04X}{{]}}", plain(text))


def _table(board: Board, heading: str, rows: Sequence[Any]) -> list[str]:
    alignment = "".join("l" if column.words else "r" for column in board.columns)
    body = [[latex(column.cell(row)) for column in board.columns] for row in rows]
    return [
        "\\begin{table}",
        f"\\caption{{{latex(board.title)}: {latex(heading)}}}",
        "\\centering\\footnotesize\\setlength{\\tabcolsep}{3pt}",
        f"{_FITTED}\\begin{{tabular}}{{{alignment}}}",
        "\\toprule",
        _line([latex(column.heading) for column in board.columns]),
        "\\midrule",
        *map(_line, body),
        "\\bottomrule",
        "\\end{tabular}}",
        "\\end{table}",
    ]


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
