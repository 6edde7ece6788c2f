import csv
import random
import re

import pytest
from hand_made import clean, each_seed, failed, knowing, record, suite

from recbench.leaderboard import write_tables

HOSTILE = "=cmd|'/c calc'!A1"

RECORDS = [
    *clean("A", [0.40, 0.42], fit=[1.0, 1.0]),
    *clean("B", [0.38, 0.38]),
    *each_seed("A", gain=[0.02, -0.03], replica=1),
    *each_seed("A", "p", gain=[1.0, 2.0], hr10=[0.1, 0.2], hr50=[0.3, 0.4], ndcg=[0.39, 0.40], craft=[1.0, 2.0]),
    *each_seed("A", "g", gain=[3.0, 1.0], hr10=[0.5, 0.0], hr50=[0.7, 0.1], ndcg=[0.10, 0.41], craft=[1.0, 2.0]),
    *each_seed("B", "p", gain=[0.5, 0.7], hr10=[0.01, 0.03], hr50=[0.1, 0.2], ndcg=[0.37, 0.36], craft=[1.0, 2.0]),
    *failed(each_seed("B", "g", gain=[0, 0]), status="error", stage="fit", reason="ValueError: <b>no|\n`none`"),
    *each_seed("A", "random", gain=[0.1, 0.1]),
    *each_seed("B", "random", gain=[0.9, 0.9]),
    *each_seed("A", "none", HOSTILE, ndcg=[0.40, 0.41]),
    *each_seed("A", "p", HOSTILE, gain=[0.5, 1.0], auc=[0.8, 0.8]),
    *each_seed("A", "g", HOSTILE, gain=[0.5, 0.5], auc=[0.8, 0.8]),
]


@pytest.fixture
def folder(tmp_path):
    write_tables(RECORDS, suite(), tmp_path / "tables")
    return tmp_path / "tables"


def table(folder, name):
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def line(text, start):
    """The cells of the one printed row whose first words are `start`, two spaces or more apart."""
    (found,) = (
        cells
        for cells in (re.split(r"\s{2,}", row.strip()) for row in text.splitlines())
        if cells[: len(start)] == start
    )
    return found


def test_every_board_is_written_in_four_forms_and_once_more_as_a_page(folder):
    names, forms = ("recommenders", "attackers", "defenses", "throughput"), ("txt", "md", "tex", "csv")
    boards = {f"{name}.{form}" for name in names for form in forms}
    assert {path.name for path in folder.iterdir()} == boards | {
        "README.md",
        "cells.csv",
        "cells.parquet",
        "suite.json",
    }
    page = (folder / "README.md").read_text(encoding="utf-8")
    assert re.findall("^##? .*", page, re.MULTILINE) == [
        "# Suite hand-made, version 7",
        "## Recommenders",
        "## Attackers",
        "## Defenses",
        "## Throughput",
        "## All boards",
    ]


def test_the_printed_rows_hold_the_known_answers(tmp_path):
    text = write_tables(RECORDS, suite(), tmp_path)
    assert line(text, ["1", "1", "A"]) == [
        "1", "1", "A", "0.410", "0.820", "100%", "+1.000", "[+1.000, +1.000]", "g, p", "+0.050", "+0.200", "0.400",
        "yes",
    ]  # fmt: skip
    assert line(text, ["n/a", "n/a", "B"]) == [
        "n/a", "n/a", "B", "0.380", "0.760", "93%", *["n/a"] * 7, "incomplete 1/2 attacks",
    ]  # fmt: skip
    assert line(text, ["1", "1–2", "p"]) == [
        "1", "1–2", "p", "n/a", "+1.050", "[-2.762, +4.862]", "+0.085", "+0.250", "1/2", "n/a", f"0.80 {HOSTILE}",
        "1.50", "not above random",
    ]  # fmt: skip
    assert line(text, ["n/a", "n/a", "g"])[-1] == "not above random, incomplete 1/2 victims"
    assert line(text, ["2", "1–2", "random"])[-1] == "control"
    assert line(text, ["A", "n/a", "n/a", HOSTILE])[4:8] == ["n/a", "n/a", "n/a", "-1.2%"]
    assert "A/A floor: max |gain| 0.030 bits (2 pairs) on d." in text
    assert "2 cells error in fit: ValueError: <b>no| `none`" in text


def test_a_share_recovered_stands_with_its_interval(tmp_path):
    records = [
        *clean("A", [0.4, 0.4]),
        *each_seed("A", "p", gain=[1.0, 1.0]),
        *each_seed("A", "none", "s", ndcg=[0.4, 0.4]),
        *each_seed("A", "p", "s", gain=[0.5, 0.52]),
    ]
    text = write_tables(records, suite(mandatory=["p"]), tmp_path)
    assert line(text, ["A", "1", "1", "s"])[4:7] == ["+49%", "[+36%, +62%]", "p"]


def test_what_is_below_random_is_flagged(tmp_path):
    records = clean("A", [0.4, 0.4]) + each_seed("A", "p", gain=[0.1, 0.1]) + each_seed("A", "random", gain=[0.5, 0.5])
    assert line(write_tables(records, suite(), tmp_path), ["2", "2", "p"])[-1] == "not above random"


def test_every_other_flag_is_a_note(tmp_path):
    records = [
        *each_seed("A", ndcg=[0.4, 0.4], exposure=[0.2, 0.2]),
        *knowing(each_seed("A", "p", gain=[0.1, 0.1]), "victim"),
        *each_seed("A", "p", gain=[0.3, 0.3], size=0.01),
        *each_seed("A", "g", gain=[0.5, 0.5]),
        *each_seed("A", "none", "s", ndcg=[0.4, 0.4]),
    ]
    text = write_tables(records, suite(threat={"sizes": [0.01, 0.03]}), tmp_path)
    assert "targets already exposed" in text
    assert line(text, ["2", "2", "p"])[-1] == "below g, which knows less, does less than with a smaller budget"
    assert "no adaptive attack" in text


def test_markdown_cannot_be_broken_out_of(folder):
    page = (folder / "README.md").read_text(encoding="utf-8")
    assert "<" not in page
    assert "`" not in page.replace(r"\`", "")
    assert r"=cmd\|'/c calc'!A1" in page


def test_csv_keeps_all_digits_and_runs_no_formula(folder):
    (row,) = table(folder, "defenses.csv")
    assert row["defense"] == "'" + HOSTILE
    assert float(row["utility_change"]) == pytest.approx(0.81 / 0.82 - 1, abs=1e-15)
    incomplete = table(folder, "recommenders.csv")[1]
    assert (incomplete["recommender"], incomplete["gain"], incomplete["rank"]) == ("B", "n/a", "n/a")


def test_cells_are_listed_with_their_question_outcome_metrics_and_cost(folder):
    rows = table(folder, "cells.csv")
    assert len(rows) == len(RECORDS)
    assert {row["cell_id"] for row in rows} == {one["cell_id"] for one in RECORDS}
    (row,) = (
        row
        for row in rows
        if (row["recommender.name"], row["attacker.name"], row["seed"], row["defense.name"]) == ("A", "p", "1", "none")
    )
    assert (row["status"], row["metrics.rank-gain"], row["cost.craft.cpu_seconds"]) == ("ok", "2.0", "2.0")
    assert (row["split.shares"], row["recommender.params"]) == ("[0.8, 0.1, 0.1]", "{}")
    lost = [row for row in rows if row["status"] == "error"]
    assert [row["reason"] for row in lost] == ["ValueError: <b>no| `none`"] * 2
    assert {row["metrics.rank-gain"] for row in lost} == {"n/a"}
    places = [(row["dataset"], row["seed"], row["recommender.name"], row["attacker.name"]) for row in rows]
    assert places == sorted(places)


def test_the_order_of_the_records_does_not_matter(folder, tmp_path):
    shuffled = random.Random(0).sample(RECORDS, len(RECORDS))
    text = write_tables(shuffled, suite(), tmp_path / "again")
    assert text == write_tables(RECORDS, suite(), folder)
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_no_records_make_no_tables_but_say_so(tmp_path):
    assert "no cells" in write_tables([], suite(), tmp_path / "tables")
    assert not (tmp_path / "tables").exists()


def test_a_suite_of_failures_only_has_tables_without_numbers(tmp_path):
    text = write_tables(failed(RECORDS, status="crashed", stage="fit", reason="died"), suite(), tmp_path)
    assert f"{len(RECORDS)} cells crashed in fit: died" in text
    assert line(text, ["n/a", "n/a", "A"])[3:] == [*["n/a"] * 10, "no clean utility, incomplete 0/2 attacks"]
    assert line(text, ["n/a", "n/a", "p"])[-1] == "no victims"
    assert "No defenses were run." in text


def test_variants_of_a_recommender_are_rows_of_their_own(tmp_path):
    variants = [record("mf", seed=seed, params={"dim": dim}) for seed in (0, 1) for dim in (32, 64)]
    text = write_tables(variants, suite(), tmp_path)
    assert "mf[dim=32]" in text
    assert "mf[dim=64]" in text
