import importlib
import json
import sys

import pytest
import sklearn

from recbench.component import Component
from recbench.execution.fingerprint import PACKAGES, versions
from recbench.matrix.cells import Cell, Lineup, cells_of
from recbench.matrix.choices import NONE, Axes, Choice
from recbench.matrix.closure import _read, _source, closure_digest
from recbench.matrix.identity import Circumstances, cell_id, digest_of
from recbench.matrix.suite import Suite


def choice(kind, name, params=None, **fields):
    return Choice(Component(kind, name, "package.module:Class", **fields), params or {})


DATA = choice("dataset", "data", provides={"ratings", "timestamps"})
VICTIM = choice("recommender", "victim", {"dim": 8})
READER = choice("recommender", "reader", provides={"sequential"})
ATTACK = choice("attacker", "attack", provides={"poisoning"}, knowledge={"statistics"})
DETECTOR = choice("defense", "detector", provides={"sanitizer"})


def suite(**changes) -> Suite:
    return Suite.model_validate(
        {"name": "s", "version": "1", "datasets": ["data"], "recommenders": ["victim"]} | changes
    )


def lineup(rules=None, **changes) -> Lineup:
    parts = {"dataset": DATA, "recommender": VICTIM, "attacker": ATTACK, "defense": DETECTOR}
    return Lineup(suite(**(rules or {})), **(parts | changes))


def cell(rules=None, seed=0, size=0.03, group=0, replica=0, **changes) -> Cell:
    return Cell(lineup(rules, **changes), seed, size, group, replica)


@pytest.mark.parametrize(
    "other",
    [
        cell(dataset=choice("dataset", "data", version="2")),
        cell(dataset=choice("dataset", "other")),
        cell(seed=1),
        cell(recommender=choice("recommender", "victim", {"dim": 9})),
        cell(recommender=choice("recommender", "victim", {"dim": 8}, version="2")),
        cell(attacker=None, size=0.0),
        cell(defense=None),
        cell(size=0.05),
        cell(group=1),
        cell(replica=1),
        cell({"feedback": "explicit"}),
        cell({"positive_from": 4.0}),
        cell({"kcore": {"users": 5}}),
        cell({"split": {"kind": "temporal"}}),
        cell({"split": {"shares": [0.7, 0.1, 0.2]}}),
        cell({"threat": {"goal": "nuke"}}),
        cell({"threat": {"targets": {"count": 4}}}),
        cell({"threat": {"targets": {"strategy": "random"}}}),
        cell({"threat": {"targets": {"fraction": 0.3}}}),
    ],
)
def test_everything_that_can_move_a_number_moves_the_id(other):
    assert other.id != cell().id


@pytest.mark.parametrize(
    "other",
    [
        cell({"metrics": ["ndcg"]}),
        cell({"limits": {"seconds": 1}}),
        cell({"seeds": 9}),
        cell({"mandatory": ["attack"], "controls": ["other"]}),
        cell({"name": "renamed", "version": "2"}),
        cell({"threat": {"targets": {"groups": 7}}}),
        cell({"threat": {"sizes": [0.01, 0.03]}}),
        cell({"recommenders": ["victim", "another"]}),
    ],
)
def test_nothing_else_moves_the_id(other):
    assert other.id == cell().id


@pytest.mark.parametrize(
    "asked",
    [
        cell(),
        cell(attacker=None, defense=None, size=0.0, replica=1),
        cell(seed=10**20, size=1e-7, group=3),
        cell(size=1, group=True),  # a bundle's question may be written so
        cell(
            recommender=choice("recommender", "victim", {"né": 'a "quoted"\n\u2028 ☃', "b": [1, 1.0, True, None, -0.0]})
        ),
        cell({"kcore": {"users": 5}, "positive_from": 4, "split": {"kind": "leave-one-out"}}),
        cell({"examples": {"attackers": ["attack"]}}, examples=(ATTACK,)),
    ],
)
def test_the_id_is_the_hash_of_the_question_as_it_is_written(asked):
    assert asked.id == digest_of(asked.question)[:20]
    assert asked.id == cell_id(json.loads(json.dumps(asked.question)))


def test_of_one_lineup_each_cell_has_a_question_of_its_own():
    met = lineup()
    one, other = Cell(met, 0, 0.03), Cell(met, 1, 0.05, 2)
    assert [other.question[key] for key in ("seed", "size", "group")] == [1, 0.05, 2]
    assert [one.question[key] for key in ("seed", "size", "group")] == [0, 0.03, 0]
    assert one.id != other.id
    assert list(one.question) == list(cell().question)


def test_where_a_file_lies_is_no_part_of_the_question():
    component = Component("dataset", "own", "recbench.matrix.own_data:OwnData", "abc")
    here, there = (cell(dataset=Choice(component, {"path": path})) for path in ("/here/own.csv", "/there/own.csv"))
    assert here.id == there.id
    assert "/here" not in json.dumps(here.question)


def axes(**changes) -> Axes:
    parts = {"datasets": [DATA], "recommenders": [VICTIM], "attackers": [ATTACK], "defenses": [DETECTOR], "metrics": []}
    return Axes(**(parts | changes))


def test_the_product_holds_clean_and_undefended_cells_and_the_twins():
    rules = suite(seeds=2, threat={"sizes": [0.01, 0.03], "targets": {"groups": 3}})
    cells = cells_of(rules, axes())
    # Each seed and group: no attack or one of two sizes, with and without the detector, and the A/A twin.
    assert len(cells) == 2 * 3 * (3 * 2 + 1)
    assert len({each.id for each in cells}) == len(cells)
    twins = [each for each in cells if each.replica]
    assert all(each.question["attacker"] == each.question["defense"] == NONE for each in twins)
    assert len(twins) == 6


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (cell(), ""),
        (
            cell(defense=choice("defense", "d", provides={"sanitizer"}, requires_recommender={"differentiable"})),
            "defense 'd' needs a recommender that is differentiable; 'victim' is not",
        ),
        (
            cell(attacker=choice("attacker", "a", provides={"poisoning"}, requires_data={"titles"})),
            "attacker 'a' needs data with titles; 'data' on the implicit track has none",
        ),
        (
            cell(recommender=choice("recommender", "r", requires_data={"ratings"})),
            "recommender 'r' needs data with ratings; 'data' on the implicit track has none",
        ),
        (cell({"feedback": "explicit"}, recommender=choice("recommender", "r", requires_data={"ratings"})), ""),
        (cell({"feedback": "explicit"}, dataset=choice("dataset", "d")), "the suite needs ratings; 'd' has none"),
        (cell({"positive_from": 4}, dataset=choice("dataset", "d")), "the suite needs ratings; 'd' has none"),
        (
            cell({"split": {"kind": "temporal"}}, dataset=choice("dataset", "d")),
            "a temporal split needs timestamps; 'd' has none",
        ),
        (
            cell({"split": {"kind": "published"}}, dataset=choice("dataset", "d")),
            "'d' was published without a split",
        ),
        (
            cell(attacker=choice("attacker", "a", provides={"evasion"})),
            "attacker 'a' changes the histories of a recommender that is sequential; 'victim' is not",
        ),
        (
            cell(attacker=choice("attacker", "a", provides={"parameter"})),
            "attacker 'a' changes the tables of a recommender that is differentiable; 'victim' is not",
        ),
        (
            cell(recommender=READER, attacker=choice("attacker", "a", provides={"evasion"}, knowledge={"surrogate"})),
            "attacker 'a' needs knowledge of surrogate; a trained victim is attacked without",
        ),
        (
            cell(recommender=READER, attacker=choice("attacker", "a", provides={"evasion"}), defense=DETECTOR),
            "defense 'detector' judges the training data, which attacker 'a' leaves as it is",
        ),
        (cell(recommender=READER, attacker=choice("attacker", "a", provides={"evasion"}), defense=None), ""),
        (
            cell(attacker=choice("attacker", "a", provides=set())),
            "attacker 'a' (nothing declared) must provide one of poisoning, evasion and parameter",
        ),
        (
            cell(attacker=choice("attacker", "a", provides={"poisoning"}, goals={"nuke", "degrade"})),
            "attacker 'a' does not push on the implicit track; its goals: degrade, nuke",
        ),
        (
            cell(attacker=choice("attacker", "a", provides={"poisoning"}, goals={"push:explicit", "nuke"})),
            "attacker 'a' does not push on the implicit track; its goals: nuke, push:explicit",
        ),
        (cell(attacker=choice("attacker", "a", provides={"poisoning"}, goals={"push:implicit"})), ""),
        (
            cell(attacker=choice("attacker", "a", provides={"poisoning"}, feedback={"explicit"})),
            "attacker 'a' works on the explicit track alone",
        ),
        (
            cell(
                {"threat": {"goal": "nuke"}, "feedback": "explicit"},
                attacker=choice("attacker", "a", provides={"poisoning"}, goals={"nuke"}, feedback={"explicit"}),
            ),
            "",
        ),
        (
            cell(attacker=choice("attacker", "a", provides={"poisoning"}, knowledge={"victim", "statistics"})),
            "attacker 'a' needs knowledge of victim; the suite offers none",
        ),
        (
            cell(
                {"threat": {"offers": ["defense"]}},
                attacker=choice("attacker", "a", provides={"poisoning"}, knowledge={"defense"}),
                defense=None,
            ),
            "",
        ),
        (
            cell(defense=choice("defense", "d")),
            "defense 'd' is neither a sanitizer nor robust training",
        ),
        (
            cell(recommender=choice("recommender", "r", hardware="cuda")),
            "recommender 'r' needs a CUDA device; this run uses 'cpu'",
        ),
    ],
)
def test_what_does_not_fit_together_has_a_reason_before_anything_runs(other, reason):
    assert other.lineup.obstacle("cpu") == reason


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of four modules, of which `component` reaches two."""
    folder = tmp_path / "planted_package"
    (folder / "inner").mkdir(parents=True)
    sources = {
        "__init__.py": "raise ImportError('hashing imports nothing')",
        "component.py": "from .inner import near\nimport numpy\n\n\ndef later():\n    import planted_package.far\n",
        "inner/__init__.py": "",
        "inner/near.py": "VALUE = 1",
        "far.py": "VALUE = 2",
        "unrelated.py": "VALUE = 3",
    }
    for name, text in sources.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()

    def digest():
        for cached in (closure_digest, _read, _source):
            cached.cache_clear()
        return closure_digest("planted_package.component")

    yield folder, digest
    digest()
    for cached in (closure_digest, _read, _source):
        cached.cache_clear()


@pytest.mark.parametrize("name", ["component.py", "inner/near.py", "far.py", "inner/__init__.py"])
def test_a_change_in_any_module_that_is_reached_is_another_build(package, name):
    folder, digest = package
    before = digest()
    (folder / name).write_text((folder / name).read_text() + "\n# changed\n")
    assert digest() != before
    assert "planted_package" not in sys.modules


def test_a_change_elsewhere_is_the_same_build(package):
    folder, digest = package
    before = digest()
    (folder / "unrelated.py").write_text("VALUE = 4")
    assert digest() == before


def test_what_adapts_a_module_that_knows_nothing_of_recbench_belongs_to_its_build(package, monkeypatch):
    folder, digest = package
    before = digest()
    monkeypatch.setattr("recbench.matrix.closure.ADAPTING", "recbench.adapters.command")
    assert digest() != before
    (folder / "component.py").write_text("from recbench.data import Interactions")
    before = digest()
    monkeypatch.setattr("recbench.matrix.closure.ADAPTING", "recbench.adapters.factories")
    assert digest() == before


def test_the_build_holds_device_and_threads():
    function = "recbench.matrix.fit:fit"
    builds = {Circumstances(*where).build(function, []) for where in (("cpu", 1), ("cpu", 2), ("cuda", 1))}
    assert len(builds) == 3


def test_the_build_of_a_stage_reaches_the_contracts_but_not_the_command_line():
    from recbench.matrix.closure import _reach

    reached = _reach("recbench.matrix.fit")
    assert {"recbench.contracts.training", "recbench.evaluation.ranking", "recbench.matrix.injection"} <= reached
    assert not any(name.startswith(("recbench.cli", "recbench.store", "recbench.matrix.plan")) for name in reached)


def test_a_library_that_computes_is_in_the_build_and_one_that_is_missing_is_left_out(monkeypatch):
    found = versions()
    assert found["scikit-learn"] == sklearn.__version__
    assert list(found)[:4] == ["python", "numpy", "scipy", "torch"]
    monkeypatch.setattr("recbench.execution.fingerprint.PACKAGES", (*PACKAGES, "a-package-that-nobody-wrote"))
    assert versions.__wrapped__() == found
