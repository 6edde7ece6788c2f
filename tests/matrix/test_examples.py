"""What supervised defenses learn from: whose fakes, in which questions, and in which stages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from planted_suite import InThisProcess, open_shop

from recbench.component import Component
from recbench.errors import DataError
from recbench.leaderboard.foot import defenses_foot
from recbench.leaderboard.grid import Grid
from recbench.leaderboard.published import read_published
from recbench.leaderboard.write import write_tables
from recbench.matrix import run as matrix_run
from recbench.matrix.cells import Cell, cells_of
from recbench.matrix.choices import Axes, Choice
from recbench.matrix.identity import Circumstances
from recbench.matrix.plan import Plan
from recbench.matrix.prices import paid, price
from recbench.matrix.profile import profile
from recbench.matrix.run import Summary, run_plan
from recbench.matrix.suite import Suite, load_suite
from recbench.plugins import Plugins
from recbench.results import Results
from recbench.store import Store
from recbench.submission.pack import _check_finished

LEARNERS = Path(__file__).with_name("planted_learners.py")
PLANTED = Path(__file__).with_name("planted_components.py")


def choice(kind: Any, name: str, *provides: str, **fields: Any) -> Choice:
    return Choice(Component(kind, name, "package.module:Class", provides=frozenset(provides), **fields), {})


DATA, VICTIM = choice("dataset", "data"), choice("recommender", "victim", "sequential")
LEARNER, PLAIN = choice("defense", "learner", "sanitizer", "supervised"), choice("defense", "plain", "sanitizer")
TRAINING = choice("defense", "training", "robust-training", "supervised")
ONE, OTHER, THIRD = (choice("attacker", f"of-{family}", "poisoning", family=family) for family in ("a", "b", "c"))
EVASION = choice("attacker", "evades", "evasion", family="a")


def suite(examples: list[str] | None) -> Suite:
    content: dict[str, Any] = {"name": "s", "version": "1", "datasets": ["data"], "recommenders": ["victim"]}
    return Suite.model_validate(content | ({} if examples is None else {"examples": {"attackers": examples}}))


def cells(examples: list[Choice] | None, attacker: Choice = ONE) -> dict[tuple[str, str], Cell]:
    """By the names of attacker and defense."""
    rules = suite(None if examples is None else [each.name for each in examples])
    axes = Axes([DATA], [VICTIM], [attacker], [LEARNER, PLAIN, TRAINING], [], examples or [])

    def name(part: Choice | None) -> str:
        return "none" if part is None else part.name

    return {(name(cell.attacker), name(cell.defense)): cell for cell in cells_of(rules, axes) if not cell.replica}


def learned(cell: Cell) -> list[str] | None:
    examples = cell.lineup.examples
    return None if examples is None else [each.name for each in examples]


def test_examples_move_the_ids_of_supervised_defenses_and_no_others() -> None:
    without, found = cells(None), cells([ONE, OTHER, THIRD])
    moved = {key for key, cell in found.items() if cell.id != without[key].id}
    assert moved == {(attack, defense) for attack in ("none", "of-a") for defense in ("learner", "training")}
    assert all(cell.lineup.examples is None and "examples" not in cell.question for cell in without.values())


def test_the_family_of_the_attack_is_left_out_and_none_where_there_is_no_attack() -> None:
    found = cells([ONE, OTHER, THIRD])
    assert learned(found["of-a", "learner"]) == learned(found["of-a", "training"]) == ["of-b", "of-c"]
    assert learned(found["none", "learner"]) == ["of-a", "of-b", "of-c"]
    assert learned(found["of-a", "plain"]) is None
    names = [attacker["name"] for attacker in found["of-a", "learner"].question["examples"]["attackers"]]
    assert names == ["of-b", "of-c"]


def test_an_attack_on_a_trained_victim_finds_it_as_it_was_trained() -> None:
    found = cells([ONE, OTHER], EVASION)
    assert learned(found["evades", "training"]) == learned(found["none", "training"]) == ["of-a", "of-b"]


@pytest.mark.parametrize(
    ("examples", "attacker", "reason"),
    [
        ([OTHER], ONE, ""),
        ([ONE], ONE, "all of the suite's examples are of family a; defense 'learner' learns from others"),
        (
            [ONE],
            choice("attacker", "mine", "poisoning"),
            "attacker 'mine' declares no family, so none can be left out of what defense 'learner' learns from",
        ),
        (
            [choice("attacker", "nameless", "poisoning")],
            ONE,
            "defense 'learner' would learn from attacker 'nameless', which declares no family",
        ),
        (
            [choice("attacker", "evades", "evasion", family="b")],
            ONE,
            "defense 'learner' would learn from attacker 'evades', which crafts no profiles",
        ),
        (
            [choice("attacker", "asks", "poisoning", family="b", knowledge=frozenset({"queries"}))],
            ONE,
            "defense 'learner' would learn from attacker 'asks', which needs knowledge of queries; "
            "a defender has none to show",
        ),
        (
            [choice("attacker", "nukes", "poisoning", family="b", goals=frozenset({"nuke"}))],
            ONE,
            "attacker 'nukes' does not push on the implicit track; its goals: nuke",
        ),
    ],
)
def test_who_has_nothing_to_learn_from_is_skipped_with_the_reason(
    examples: list[Choice], attacker: Choice, reason: str
) -> None:
    found = cells(examples, attacker)
    assert found[attacker.name, "learner"].lineup.obstacle("cpu") == reason
    assert found[attacker.name, "plain"].lineup.obstacle("cpu") == ""


Made = tuple[Plan, Store, Summary]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, plugins: Plugins) -> Iterator[Made]:
    """Two victims and three defenses under an attack of either family and one of no name."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("examples")
        patch.chdir(folder)
        patch.setattr(matrix_run, "LocalExecutor", InThisProcess)
        open_shop(folder)
        yield _run(folder, plugins)


def _run(folder: Path, plugins: Plugins) -> Made:
    text = {
        "name": "mine",
        "version": "1",
        "datasets": ["shop.csv"],
        "recommenders": [f"{PLANTED}:Popular", f"{PLANTED}:RatesByCount"],
        "attackers": [f"{LEARNERS}:{name}" for name in ("Clicks", "Counts", "Nameless")],
        "defenses": [f"{LEARNERS}:{name}" for name in ("Learns", "LearnsTraining", "LearnsNothing")],
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in text.items()]
    lines += ["[examples]", f"attackers = {json.dumps([f'{LEARNERS}:Clicks', f'{LEARNERS}:Counts'])}", "size = 0.25"]
    lines += ["[threat]", "sizes = [0.1]", "[threat.targets]", "count = 2", "fraction = 0.5"]
    Path("mine.toml").write_text("\n".join(lines))
    plan = Plan.of(load_suite("./mine.toml"), plugins, Circumstances(), {})
    store = Store(folder / "run")
    store.root.mkdir()
    return plan, store, run_plan(plan, store, 1)


def test_a_run_gives_examples_to_supervised_defenses_alone_and_tells_what_they_cost(made: Made) -> None:
    plan, store, summary = made
    shown: dict[tuple[str, str], set[float]] = {}
    for record in summary.records:
        question = record["question"]
        attack, defense = question["attacker"]["name"], question["defense"]["name"]
        if defense == "none" or record["status"] != "ok":
            continue
        named = record["artifacts"]["fit" if defense == "learns-training" else "verdict"]
        shown.setdefault((attack, defense), set()).update(store.get(named).arrays["suspicion"].tolist())
        assert ("simulate" in record["cost"]) == (defense != "learns-nothing") == ("examples" in record["artifacts"])
    # A quarter of the 29 users as given, or of the 26 of clean data, for each attacker that is left.
    supervised = {(attack, defense) for attack in ("clicks", "counts") for defense in ("learns", "learns-training")}
    assert shown == {
        **{key: {7.0} for key in supervised},
        **{("none", defense): {12.0} for defense in ("learns", "learns-training")},
        **{(attack, "learns-nothing"): {-1.0} for attack in ("none", "clicks", "counts", "nameless")},
    }
    skipped = {record["reason"] for record in summary.records if record["status"] == "skipped"}
    assert len(skipped) == 2
    assert all("attacker 'nameless' declares no family" in reason for reason in skipped)
    # Shared by both victims and both defenses: one of each poison, and one of the clean data.
    assert sum(stage.kind == "simulate" for stage in plan.stages()) == 3
    assert summary.exit_code == 0


def test_the_run_is_priced_profiled_read_and_told_of(made: Made) -> None:
    plan, store, summary = made
    costs = paid(store.records())
    assert {key for key in costs if key[0] == "simulate"} == {
        ("simulate", "shop", "clicks", "counts"),
        ("simulate", "shop", "clicks"),
        ("simulate", "shop", "counts"),
    }
    assert price(plan.stages(), costs).unknown == []
    lines = {line.plugins: line for line in profile(summary.records) if line.stage == "simulate"}
    assert (lines["clicks, counts"].stages, lines["clicks, counts"].uses) == (1, 4)
    foot = defenses_foot(Grid(plan.suite, summary.records), [])
    (line,) = [line for line in foot if line.startswith("Supervised")]
    assert line.startswith("Supervised: learns, learns-training. Examples: fakes of clicks, counts, each 0.25 of")
    with pytest.raises(DataError, match="a verifier makes no examples"):
        _check_finished(Results.read(store.root))


def test_published_tables_keep_the_examples_of_the_cells_that_have_some(made: Made, tmp_path: Path) -> None:
    plan, _, summary = made
    write_tables(summary.records, plan.suite, tmp_path)
    suite, records = read_published(tmp_path)
    assert suite.examples == plan.suite.examples
    wanted = {record["cell_id"]: record["question"].get("examples") for record in summary.records}
    assert {record["cell_id"]: record["question"].get("examples") for record in records} == wanted


def test_the_code_behind_the_examples_is_part_of_the_circumstances(made: Made) -> None:
    recipes = made[0].recipes
    cell = next(cell for cell in made[0].runnable if cell.lineup.examples and cell.attacker)
    without = replace(cell, lineup=replace(cell.lineup, examples=None))
    builds, others = ({stage.build for stage in recipes.evaluate(each).inputs.values()} for each in (cell, without))
    assert builds == others
    assert recipes.build_id(cell) != recipes.build_id(without)
