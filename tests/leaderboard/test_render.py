import csv
import io
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbench.leaderboard.render import Board, Column, as_csv, as_markdown, as_text, markdown, plain, rows_csv


@dataclass(frozen=True)
class Row:
    dataset: str
    size: float
    name: str
    gain: float | None


COLUMNS = [Column("name", lambda row: row.name, words=True), Column("gain", lambda row: str(row.gain))]


def board(*rows):
    return Board("things", "Things", Row, rows, COLUMNS, ["Foot <1>."])


def test_one_table_a_data_set_and_attack_size():
    text = as_text(board(Row("d", 0.03, "a", 1.0), Row("d", 0.03, "b", 2.0), Row("e", 0.005, "a", 3.0)))
    assert [line for line in text.splitlines() if "attack size" in line] == [
        "d, attack size 3%",
        "e, attack size 0.5%",
    ]
    assert text.splitlines()[-1] == "Foot <1>."


def test_a_board_without_rows_says_so():
    for page in (as_text(board()), as_markdown(board())):
        assert "No things were run." in page
        assert "Foot" not in page
    assert rows_csv(board()) == "dataset,size,name,gain\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a|b", r"a\|b"),
        ("`code`", r"\`code\`"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("a & b", "a &amp; b"),
        ("two\nlines\r\n", "two lines  "),
        ("[text](link) *bold* _em_", r"\[text\](link) \*bold\* \_em\_"),
        ("\x1b[2Jgone", r" \[2Jgone"),
        ("back\\slash", r"back\\slash"),
    ],
)
def test_markdown_shows_text_as_it_is(text, expected):
    assert markdown(text) == expected


@given(st.text())
def test_no_cell_breaks_its_row(name):
    page = as_markdown(board(Row("d", 0.03, name, 1.0)))
    (row,) = (line for line in page.split("\n") if line.endswith(" 1.0 |"))
    bare = row.replace(r"\\", "").replace(r"\|", "")
    assert bare.count("|") == 3
    assert "<" not in row
    assert "\x1b" not in plain(name)


def test_words_that_look_like_numbers_stay_as_they_are():
    assert " 1e5 " in as_markdown(board(Row("d", 0.03, "1e5", 1.0)))
    assert "007" in as_text(board(Row("d", 0.03, "007", 1.0)))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_text_is_a_formula(text):
    header, row = csv.reader(io.StringIO(as_csv([text], [{text: text}]), newline=""))
    assert header == row == ["'" + text.replace("\t", " ").replace("\r", " ").replace("\n", " ")]


@given(st.text())
def test_a_row_of_a_csv_is_a_line(text):
    lines = as_csv(["a", "b"], [{"a": text, "b": 1.5}]).splitlines()
    assert len(lines) == 2
    ((cell, number),) = csv.reader(lines[1:])
    assert cell.removeprefix("'") == plain(text).removeprefix("'")
    assert number == "1.5"


def test_numbers_stay_numbers_and_what_is_absent_says_so():
    assert rows_csv(board(Row("d", 0.03, "a", -0.1), Row("d", 0.03, 'b,"', None))).splitlines()[1:] == [
        "d,0.03,a,-0.1",
        'd,0.03,"b,""",n/a',
    ]
