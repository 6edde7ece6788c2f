"""Pipelines of a detector and robust training: what they are made from, what they share, and what they say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from planted_suite import PLANTED, InThisProcess, open_shop

from recbench.contracts import FitContext, Pipeline
from recbench.data import Interactions
from recbench.errors import DataError, PluginError, RecbenchError, SuiteError
from recbench.leaderboard.grid import Grid, Place
from recbench.leaderboard.throughput import throughput_rows
from recbench.matrix import run as matrix_run
from recbench.matrix.cells import cells_of
from recbench.matrix.choices import Axes, Choice, Resolver
from recbench.matrix.choices import Pipeline as Chosen
from recbench.matrix.identity import Circumstances
from recbench.matrix.plan import Plan
from recbench.matrix.prices import paid, price
from recbench.matrix.profile import profile
from recbench.matrix.run import Summary, run_plan
from recbench.matrix.suite import load_suite
from recbench.plugins import Plugins
from recbench.results import Results
from recbench.specs import ComponentSpec
from recbench.store import Store
from recbench.submission.pack import _check_finished

LEARNERS = Path(__file__).with_name("planted_learners.py")


def test_a_reference_is_split_into_its_parts_and_alternatives_make_a_product(plugins: Plugins) -> None:
    found = Resolver(plugins).defenses(["pca-varselect[threshold=4.0|9.0] + vat[eps=0.1|1e+0]", "vat"])
    assert [type(each) for each in found] == [Chosen] * 4 + [Choice]
    assert [each.name for each in found] == ["pca-varselect+vat"] * 4 + ["vat"]
    values = [
        (each.identity["params"]["pca-varselect.threshold"], each.identity["params"]["vat.eps"]) for each in found[:4]
    ]
    assert values == [(4.0, 0.1), (4.0, 1.0), (9.0, 0.1), (9.0, 1.0)]
    assert found[0].identity["version"] == "2+2"


def test_what_a_pipelines_question_says_is_a_reference_to_it(plugins: Plugins) -> None:
    (first,) = Resolver(plugins).defenses(["pca-varselect[components=2]+vat[eps=0.1]"])
    written = str(ComponentSpec(first.identity["name"], first.identity["params"]))
    assert written.startswith("pca-varselect[components=2,")
    (again,) = Resolver(plugins).defenses([written])
    assert again.identity == first.identity


@pytest.mark.parametrize(
    ("reference", "error", "reason"),
    [
        ("pca-varselect+fap", SuiteError, "'fap' is no robust training; a pipeline is one detector, then one robust"),
        ("vat+pca-varselect", SuiteError, "'vat+pca-varselect': 'vat' is no detector; a pipeline is one detector"),
        ("vat+apt", SuiteError, "'vat' is no detector"),
        ("pca-varselect+vat+apt", SuiteError, "has 3 parts; a pipeline is one detector"),
        ("pca-varselekt+vat", PluginError, "unknown defense 'pca-varselekt'; did you mean 'pca-varselect'"),
        ("pca-varselect+vatt", PluginError, "unknown defense 'vatt'; did you mean 'vat'"),
        ("pca-varselect[k=3]+vat", PluginError, "defense 'pca-varselect' has no parameter 'k'"),
        ("pca-varselect+", PluginError, "unknown defense 'pca-varselect+'"),
    ],
)
def test_what_makes_no_pipeline_is_refused_with_its_reason(
    plugins: Plugins, reference: str, error: type[RecbenchError], reason: str
) -> None:
    with pytest.raises(error) as caught:
        Resolver(plugins).defenses([reference])
    assert reason in str(caught.value)


Made = tuple[Plan, Store, Summary]

DEFENSES = {
    "keeps-all": "KeepsAll",
    "removes-buyers-of": "RemovesBuyersOf",
    "suspects-long": "SuspectsLong",
    "proves-lengths": "ProvesLengths",
}
PIPELINES = [
    "keeps-all+suspects-long",
    "removes-buyers-of+suspects-long",
    "keeps-all+proves-lengths",
]


@pytest.fixture(scope="module")
def made(plugins: Plugins, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A run of two victims under one attack, of every defense and of three pipelines of them."""
    folder = tmp_path_factory.mktemp("pipelines")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(matrix_run, "LocalExecutor", InThisProcess)
        open_shop(folder)
        path = {name: f"{PLANTED}:{planted}" for name, planted in DEFENSES.items()}
        pipelines = ["+".join(path[part] for part in pipeline.split("+")) for pipeline in PIPELINES]
        text = {
            "name": "mine",
            "version": "1",
            "datasets": ["shop.csv"],
            "recommenders": [f"{PLANTED}:Popular", f"{PLANTED}:RatesByCount"],
            "attackers": [f"{PLANTED}:Fills", f"{PLANTED}:Dissects"],
            "defenses": [*path.values(), *pipelines],
        }
        lines = [f"{key} = {json.dumps(value)}" for key, value in text.items()]
        lines += ["[threat]", "sizes = [0.1]", 'offers = ["statistics", "interactions", "surrogate"]']
        lines += ["[threat.targets]", "count = 2", "fraction = 0.5"]
        Path("mine.toml").write_text("\n".join(lines))
        plan = Plan.of(load_suite("./mine.toml"), plugins, Circumstances(), {})
        store = Store(folder / "run")
        store.root.mkdir()
        yield plan, store, run_plan(plan, store, 1)


def by_defense(summary: Summary, recommender: str = "popular", attacker: str = "fills") -> dict[str, dict[str, Any]]:
    found = {}
    for record in summary.records:
        question = record["question"]
        if (question["recommender"]["name"], question["attacker"]["name"]) == (recommender, attacker):
            found[question["defense"]["name"]] = record
    return found


def test_a_detector_that_removes_nobody_leaves_the_very_numbers_of_the_training_alone(made: Made) -> None:
    found = by_defense(made[2])
    pipeline, training = found["keeps-all+suspects-long"], found["suspects-long"]
    assert pipeline["status"] == training["status"] == "ok"
    assert pipeline["artifacts"]["fit"] == training["artifacts"]["fit"]
    assert pipeline["artifacts"]["verdict"] == found["keeps-all"]["artifacts"]["verdict"]
    of_detection = {name for name in training["metrics"] if name.startswith("detection")}
    assert of_detection
    same = training["metrics"].keys() - of_detection
    assert {name: pipeline["metrics"][name] for name in same} == {name: training["metrics"][name] for name in same}


def test_the_training_gets_whom_the_detector_keeps(made: Made) -> None:
    _, store, summary = made
    found = by_defense(summary)
    pipeline, alone = found["removes-buyers-of+suspects-long"], found["suspects-long"]
    keep = store.get(pipeline["artifacts"]["verdict"]).arrays["keep"]
    assert 0 < (~keep).sum() < len(keep)
    lengths, all_lengths = (store.get(each["artifacts"]["fit"]).arrays["suspicion"] for each in (pipeline, alone))
    assert (lengths[~keep] == 0).all()
    assert (all_lengths[~keep] > 0).all()
    assert (lengths[keep] == all_lengths[keep]).all()
    assert pipeline["cost"]["fit"]["interactions"] == lengths.sum()


def test_detection_is_the_detectors(made: Made) -> None:
    found = by_defense(made[2])
    for pipeline, detector in (("removes-buyers-of+suspects-long", "removes-buyers-of"), (PIPELINES[0], "keeps-all")):
        ours, theirs = (
            {name: value for name, value in found[each]["metrics"].items() if name.startswith("detection")}
            for each in (pipeline, detector)
        )
        assert ours == theirs
        assert ours


def test_a_certificate_of_the_training_is_none_of_the_pipeline(made: Made) -> None:
    found = by_defense(made[2])
    certified = [any(name.startswith("certified") for name in found[each]["metrics"]) for each in found]
    assert [name for name, has in zip(found, certified, strict=True) if has] == ["proves-lengths"]


def test_a_verdict_is_one_for_all_victims_and_trainings(made: Made) -> None:
    verdicts = {
        record["artifacts"]["verdict"]
        for recommender in ("popular", "rates-by-count")
        for name, record in by_defense(made[2], recommender).items()
        if name.startswith("keeps-all")
    }
    assert len(verdicts) == 1


def test_boards_prices_and_profiles_name_the_part_whose_work_it_was(made: Made) -> None:
    plan, store, summary = made
    grid = Grid(plan.suite, summary.records)
    assert set(PIPELINES) < set(grid.defenses(Place("shop", "popular")))
    assert {row.component for row in throughput_rows(grid) if row.stage == "sanitize"} == {
        "keeps-all",
        "removes-buyers-of",
    }
    assert "popular with suspects-long" in {row.component for row in throughput_rows(grid) if row.stage == "fit"}
    costs = paid(store.records())
    assert price(plan.stages(), costs).unknown == []
    assert {key[2:] for key in costs if key[0] == "sanitize"} == {("keeps-all",), ("removes-buyers-of",)}
    assert "popular under suspects-long" in {line.plugins for line in profile(summary.records) if line.stage == "fit"}


def test_a_run_with_pipelines_cannot_be_packed(made: Made) -> None:
    with pytest.raises(DataError, match=r"one component a defense: run without keeps-all\+proves-lengths, "):
        _check_finished(Results.read(made[1].root))


def test_an_attack_on_a_trained_victim_is_not_one_on_a_pipeline(plugins: Plugins) -> None:
    suite = load_suite("quick").override(
        ["ml-100k"], ["bpr-mf"], ["parameter-pgd"], ["vat", "pca-varselect+vat"], seeds=1, sizes=[0.1]
    )
    cells = cells_of(suite, Axes.of(suite, Resolver(plugins)))
    reasons = {cell.defense.name: cell.lineup.obstacle("cpu") for cell in cells if cell.attacker and cell.defense}
    assert "defense 'pca-varselect' judges the training data" in reasons["pca-varselect+vat"]
    assert "judges" not in reasons["vat"]


def test_only_the_part_that_learns_is_given_examples(
    plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    open_shop(tmp_path)
    pairs = [("LearnsNothing", "LearnsTraining"), ("Learns", "LearnsTraining")]
    lines = ['name = "mine"', 'version = "1"', 'datasets = ["shop.csv"]', f'recommenders = ["{PLANTED}:Popular"]']
    lines += [f"defenses = {json.dumps(['+'.join(f'{LEARNERS}:{name}' for name in pair) for pair in pairs])}"]
    lines += ["[examples]", f'attackers = ["{LEARNERS}:Clicks"]']
    Path("mine.toml").write_text("\n".join(lines))
    plan = Plan.of(load_suite("./mine.toml"), plugins, Circumstances(), {})
    for cell in plan.runnable:
        if cell.defense is not None:
            fit = plan.recipes.evaluate(cell).inputs["fit"]
            learns = cell.defense.name.startswith("learns+")
            assert ("examples" in fit.inputs["verdict"].inputs) == learns
            assert "examples" in fit.inputs


def test_an_adaptive_attack_is_shown_one_training_that_filters_first() -> None:
    from planted_components import Popular, RemovesBuyersOf, SuspectsLong

    train = Interactions([0, 0, 1, 2], [0, 1, 1, 2], n_users=3, n_items=3)
    protected = Pipeline(RemovesBuyersOf(item=0), SuspectsLong()).fit(Popular(), train, FitContext(seed=0))
    assert protected.scorer.counts.tolist() == [0, 1, 1]
    assert protected.suspicion is not None
    assert protected.suspicion.tolist() == [1, 0, 0]
