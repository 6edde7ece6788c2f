"""`recbench tune`: real trials on real data, and no sight of the test part."""

import json
import sys
from pathlib import Path

import pytest

from recbench.cli import main
from recbench.matrix.prepare import prepare
from recbench.matrix.prepared import Prepared
from recbench.matrix.suite import load_suite
from recbench.store import Artifact
from recbench.tuning import search as searching
from recbench.tuning.search import without_test

QUICK = Path(__file__).parents[2] / "leaderboards" / "quick.toml"
MODEL = """
from dataclasses import dataclass
import numpy as np
from pydantic import PositiveFloat
from recbench.contracts import Recommender

@dataclass(frozen=True)
class {name}(Recommender):
    damping: PositiveFloat = 10.0

    def fit(self, train, ctx):
        {body}
        return Fitted(train.item_counts / (train.item_counts + self.damping))

@dataclass(frozen=True)
class Fitted:
    scores: np.ndarray

    def score(self, users):
        return np.broadcast_to(self.scores, (len(users), len(self.scores)))
"""


@pytest.fixture
def tuned(tmp_path, monkeypatch, mirror, quick_executor):
    """A function from arguments to the exit code, in a folder of its own and with trials in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECBENCH_MIRROR", str(mirror))
    monkeypatch.setenv("RECBENCH_CACHE", str(tmp_path / "cache"))
    return lambda *words: main(["tune", *words])


def _trials(file: str) -> list[dict]:
    return [json.loads(line) for line in Path(file).read_text().splitlines()]


def test_every_recommender_gets_as_many_trials_and_the_best_values_are_a_suite(tuned, capsys):
    assert tuned("item-knn[shrink=0|20]", "ease", "--dataset", "filmtrust", "--trials", "4") == 0
    trials = _trials("quick-filmtrust.trials.jsonl")
    assert [(each["recommender"], each["trial"]) for each in trials] == [
        (name, number) for name in ("item-knn", "ease") for number in range(4)
    ]
    assert trials[0]["params"] == {"k": 100, "shrink": 0, "unit_users": True}
    assert trials[4]["params"] == {"lam": 500.0}
    said = capsys.readouterr().out
    suite = load_suite("./quick-filmtrust.toml")
    assert (suite.name, suite.datasets) == ("quick-tuned", ("filmtrust",))
    assert suite.attackers == load_suite("quick").attackers
    for own, reference in zip((trials[:4], trials[4:]), suite.recommenders, strict=True):
        best = max(own, key=lambda each: each["value"])
        assert all(f"{name}={json.dumps(value)}" in reference for name, value in best["params"].items())
        assert f"{best['value']:.4f} on validation, defaults {own[0]['value']:.4f}" in said
    assert len({json.dumps(each["params"]) for each in trials[4:]}) == 4


def test_the_same_split_seed_finds_the_same_whatever_is_searched_beside_it(tuned):
    assert tuned("ease", "--dataset", "filmtrust", "--trials", "2", "--out", "alone.toml") == 0
    assert tuned("item-knn", "ease", "--dataset", "filmtrust", "--trials", "2", "--out", "beside.toml") == 0
    alone, beside = _trials("alone.trials.jsonl"), _trials("beside.trials.jsonl")[2:]
    assert [(each["params"], each["value"]) for each in alone] == [(each["params"], each["value"]) for each in beside]


def test_no_trial_is_given_the_test_part(tuned, monkeypatch):
    """With other test data, all values and all qualities stay."""
    given = []

    def halved(arguments, inputs):
        prepared = prepare(arguments, inputs)
        arrays = {key: value[::2] if key.startswith("test_") else value for key, value in prepared.arrays.items()}
        return Artifact(arrays, prepared.meta)

    def kept(artifact):
        given.append(without_test(artifact))
        return given[-1]

    monkeypatch.setattr(searching, "without_test", kept)
    for preparing in (prepare, halved):
        monkeypatch.setattr(searching, "prepare", preparing)
        assert tuned("ease", "--dataset", "filmtrust", "--trials", "2", "--out", f"{preparing.__name__}.toml") == 0
    assert [len(Prepared.of(each).split.test) for each in given] == [0, 0]
    assert given[0].digest == given[1].digest
    whole, half = (_trials(f"{name}.trials.jsonl") for name in ("prepare", "halved"))
    assert [(each["params"], each["value"]) for each in whole] == [(each["params"], each["value"]) for each in half]


def test_recommenders_of_ratings_are_searched_by_their_error(tuned):
    text = QUICK.read_text().replace('feedback = "implicit"', 'feedback = "explicit"')
    Path("rated.toml").write_text(text)
    asked = "biased-mf[l2=0.15|5.0,dim=6,lr=0.03,scale=0.1,epochs=30]"
    assert tuned(asked, "ease", "--dataset", "filmtrust", "--suite", "./rated.toml", "--trials", "2") == 0
    rated, ranked = _trials("quick-filmtrust.trials.jsonl")[:2], _trials("quick-filmtrust.trials.jsonl")[2:]
    assert {each["measure"] for each in rated} == {"rmse"}
    assert {each["measure"] for each in ranked} == {"ndcg@10"}
    assert all(0.5 < each["value"] < 1.2 for each in rated)
    best = min(rated, key=lambda each: each["value"])
    assert f"l2={best['params']['l2']}" in load_suite("./quick-filmtrust.toml").recommenders[0]


def test_a_trial_that_fails_is_recorded_and_the_others_count(tuned, capsys):
    Path("mine.py").write_text(MODEL.format(name="Picky", body="assert self.damping != 10, 'not ten'"))
    Path("worse.py").write_text(MODEL.format(name="Never", body="raise ValueError('out of luck')"))
    words = ("./mine.py:Picky", "./worse.py:Never", "--dataset", "filmtrust", "--trials", "3", "--out", "x.toml")
    assert tuned(*words) == 1
    trials = _trials("x.trials.jsonl")
    assert [each["value"] is None for each in trials] == [True, False, False, True, True, True]
    assert "not ten" in trials[0]["reason"]
    (reference,) = load_suite("./x.toml").recommenders
    assert str(reference).startswith("./mine.py:Picky[damping=")
    assert "./worse.py:Never: every trial failed" in capsys.readouterr().out
    assert tuned("./worse.py:Never", "--dataset", "filmtrust", "--trials", "1", "--out", "y.toml") == 3
    assert not Path("y.toml").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ease", "--dataset", "flimtrust"], "did you mean 'filmtrust'"),
        (["ease", "--dataset", "*"], "one data set"),
        (["easy", "--dataset", "filmtrust"], "did you mean 'ease'"),
        (["popularity", "--dataset", "filmtrust"], "nothing to search"),
        (["biased-mf", "--dataset", "filmtrust"], "needs data with ratings"),
        (["ease", "--dataset", "filmtrust", "--out", "taken.toml"], "taken.toml exists"),
        (["ease", "--dataset", "filmtrust", "--out", "nowhere/x.toml"], "there is no folder"),
        (["ease", "--dataset", "filmtrust", "--out", "x.json"], "no .toml file"),
        (["ease", "--dataset", "filmtrust", "--suite", "./blind.toml"], "nothing aside for validation"),
        (["ease", "--dataset", "filmtrust", "--device", "gpu"], "device gpu"),
        (["ease", "--dataset", "filmtrust", "--trials", "0"], "trials"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(tuned, capsys, words, message):
    Path("taken.toml").write_text("")
    Path("blind.toml").write_text(QUICK.read_text().replace("[0.8, 0.1, 0.1]", "[0.9, 0.0, 0.1]"))
    before = sorted(Path().iterdir())
    assert tuned(*words) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert [path for path in sorted(Path().iterdir()) if path.name != "cache"] == before


def test_without_optuna_it_says_what_to_install(tuned, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert tuned("ease", "--dataset", "filmtrust") == 2
    assert "pip install 'recbench[tune]'" in capsys.readouterr().err
