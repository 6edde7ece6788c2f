"""Work that is done twice: what repeats, what does not, what fails the second time, and where it is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from planted_suite import InThisProcess, open_shop

from recbench.leaderboard.boards import boards
from recbench.leaderboard.cells import cells_parquet, records_of
from recbench.leaderboard.foot import common_foot
from recbench.leaderboard.grid import Grid
from recbench.matrix.identity import Circumstances
from recbench.matrix.plan import Plan
from recbench.matrix.prices import price
from recbench.matrix.run import run_plan
from recbench.matrix.suite import load_suite
from recbench.store import Store

PLANTED = Path(__file__).with_name("planted_wanderers.py")
STEADY = Path(__file__).with_name("planted_components.py")
SUITE = f"""
name = "mine"
version = "1"
datasets = ["shop.csv"]
recommenders = ["{STEADY}:Popular", "{PLANTED}:Wanders", "{PLANTED}:FitsOnce[folder='.']"]
attackers = ["{STEADY}:Fills", "{PLANTED}:FillsAnyhow"]
defenses = ["{STEADY}:KeepsAll", "{PLANTED}:Guesses", "{STEADY}:SuspectsLong"]
seeds = 2

[threat]
sizes = [0.2, 0.1]

[threat.targets]
count = 2
"""
Records = dict[tuple[str, str, str, float, int, int, int], dict[str, Any]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, list[dict[str, Any]]]:
    """The plan and the records of a run with components that do not do the same twice."""
    from recbench.plugins import load_plugins

    folder = tmp_path_factory.mktemp("repeat")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        open_shop(folder)
        (folder / "mine.toml").write_text(SUITE)
        plan = Plan.of(load_suite("./mine.toml"), load_plugins(), Circumstances(), {})
        return plan, run_plan(plan, Store(folder / "run"), 1, start=InThisProcess).records


def by_place(records: list[dict[str, Any]]) -> Records:
    places = {}
    for record in records:
        question = record["question"]
        names = tuple(question[axis]["name"] for axis in ("recommender", "attacker", "defense"))
        places[(*names, *(question[part] for part in ("size", "seed", "group", "replica")))] = record
    return places


def test_the_first_unit_tells_who_repeats(run: tuple[Plan, list[dict[str, Any]]]) -> None:
    found = {place: word for place, record in by_place(run[1]).items() if (word := record["repeats"])}
    assert {place[3:] for place in found} == {(0.0, 0, 0, 0), (0.2, 0, 0, 0)}
    told = {place[:3]: word for place, word in found.items()}
    steady = {"none": "yes", "keeps-all": "yes", "guesses": "no", "suspects-long": "yes"}
    assert {defense: told["popular", "none", defense] for defense in steady} == steady
    assert told["wanders", "none", "none"] == told["wanders", "none", "suspects-long"] == "no"
    assert told["fits-once", "none", "none"] == "failed"
    for victim in ("popular", "wanders", "fits-once"):
        assert told[victim, "fills", "none"] == "yes"
        assert told[victim, "fills-anyhow", "none"] == "no"
        assert (victim, "fills", "keeps-all") not in told


def test_what_fails_the_second_time_leaves_the_cell_as_it_was(run: tuple[Plan, list[dict[str, Any]]]) -> None:
    record = by_place(run[1])["fits-once", "none", "none", 0.0, 0, 0, 0]
    assert record["status"] == "ok"
    assert record["metrics"]["ndcg@10"] >= 0
    assert "repeat" not in record["artifacts"]


def test_it_is_part_of_no_identity_and_is_priced_as_the_work_itself(run: tuple[Plan, list[dict[str, Any]]]) -> None:
    plan, _ = run
    stages = plan.stages()
    clean = next(cell for cell in plan.cells if cell.attacker is None and cell.seed == cell.group == 0)
    later = next(cell for cell in plan.cells if cell.attacker is None and cell.seed == 1 and cell.group == 0)
    assert "repeat" in plan.recipes.evaluate(clean).inputs
    assert plan.recipes.build_id(clean) == plan.recipes.build_id(later)
    # Three victims, each also trained robustly; two attacks; two detectors.
    assert sum(stage.kind == "repeat" for stage in stages) == 3 + 3 + 2 + 2
    fit = plan.recipes.evaluate(clean).inputs["fit"]
    repeat = plan.recipes.evaluate(clean).inputs["repeat"]
    known = {("fit", clean.dataset.name, clean.recommender.name): 2.5}
    assert price([fit, repeat], known).cpu_seconds == 5.0


def test_the_boards_flag_it_and_say_how_much_was_tried(run: tuple[Plan, list[dict[str, Any]]]) -> None:
    import io

    import pyarrow.parquet as pq

    plan, records = run
    read_again = records_of(pq.read_table(io.BytesIO(cells_parquet(records))).to_pylist())
    for given in (records, read_again):
        grid = Grid(plan.suite, given)
        made = {board.name: board for board in boards(grid)}
        notes = {
            (name, *(getattr(row, part) for part in parts)): made[name].columns[-1].cell(row)
            for name, parts in (
                ("recommenders", ("recommender",)),
                ("attackers", ("attacker",)),
                ("defenses", ("recommender", "defense")),
            )
            for row in made[name].rows
        }
        flagged = {place for place, note in notes.items() if "non-deterministic" in note}
        assert {place for place in flagged if place[0] == "recommenders"} == {("recommenders", "wanders")}
        assert {place for place in flagged if place[0] == "attackers"} == {("attackers", "fills-anyhow")}
        assert ("defenses", "popular", "guesses") in flagged
        assert not {("defenses", "popular", "keeps-all"), ("defenses", "popular", "suspects-long")} & flagged
        assert "failed when done again" in notes["recommenders", "fits-once"]
        assert any("did not ('non-deterministic')" in line for line in common_foot(grid))
    untold = [{**record, "repeats": ""} for record in records]
    assert any("Nothing was done twice" in line for line in common_foot(Grid(plan.suite, untold)))
