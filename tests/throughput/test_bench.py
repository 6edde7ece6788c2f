"""Pieces of work are those of the matrix, on fixed data."""

import numpy as np
import pytest

from recbench.component import Component
from recbench.errors import PluginError
from recbench.matrix.identity import Circumstances
from recbench.plugins import load_plugins
from recbench.throughput.bench import DENSITY, Bench, NotTimed, chosen, parameters, prepared
from recbench.throughput.measuring import percentiles

PLUGINS = load_plugins(third_party=False)
USERS = 600


@pytest.fixture(scope="module")
def bench():
    return Bench(PLUGINS, Circumstances(), USERS)


def test_a_fit_trains_on_four_fifths_of_the_data(bench):
    work = bench.fit("ease")
    assert (work.unit, work.amount) == ("interactions", len(prepared(USERS, "implicit").arrays["train_users"]))
    assert work.amount == pytest.approx(0.8 * DENSITY * USERS, rel=0.02)
    assert work.call().score(np.arange(3)).shape == (3, USERS)


def test_no_round_profits_from_what_an_earlier_one_has_counted(bench, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "recbench_plugins.recommenders.popularity.Popularity.fit",
        lambda self, train, ctx: seen.append(("item_counts" in vars(train), train.item_counts)),
    )
    work = bench.fit("popularity")
    for _ in range(2):
        work.call()
    assert [counted for counted, _ in seen] == [False, False]
    assert (seen[0][1] == seen[1][1]).all()


def test_a_recommender_of_ratings_is_timed_on_the_explicit_track(bench):
    work = bench.fit("biased-mf[epochs=1]")
    assert work.amount == len(prepared(USERS, "explicit").arrays["train_ratings"])
    assert parameters(work.call()) > USERS


def test_a_batch_may_be_larger_than_the_data(bench):
    work = bench.score("popularity", 4096)
    assert (work.unit, work.amount) == ("users", 4096)
    assert len(work.call()) == 4096


@pytest.mark.parametrize("attacker", ["random", "love-hate"])
def test_an_attack_is_timed_on_a_track_and_with_a_goal_that_it_serves(bench, attacker):
    work = bench.craft(attacker)
    crafted = work.call()
    assert (work.unit, work.amount) == ("profiles", round(0.03 * USERS))
    assert len(crafted.arrays["indptr"]) == work.amount + 1
    assert ("ratings" in crafted.arrays) == (attacker == "love-hate")


def test_a_detector_judges_every_user(bench):
    work = bench.inspect("activity-filter")
    assert (work.unit, work.amount) == ("users", USERS)
    assert len(work.call().arrays["suspicion"]) == USERS


def test_what_needs_another_device_is_not_timed_and_says_why(monkeypatch):
    needy = Component("recommender", "needy", "recbench_plugins.recommenders.ease:EASE", hardware="cuda")
    monkeypatch.setattr(type(PLUGINS), "select", lambda self, kind, name: [needy])
    with pytest.raises(NotTimed, match="'needy' needs a CUDA device"):
        Bench(PLUGINS, Circumstances(), USERS).fit("needy")


def test_an_attack_on_a_trained_victim_crafts_nothing_that_could_be_timed(bench):
    with pytest.raises(NotTimed, match="'parameter-noise' attacks a trained victim"):
        bench.craft("parameter-noise")
    with pytest.raises(NotTimed, match="'random-insertion' needs a recommender that is sequential"):
        bench.craft("random-insertion")


def test_a_name_or_a_glob_chooses_and_a_slip_of_the_pen_is_told():
    names = [component.name for component in chosen(PLUGINS, ["ease", "item-*"])]
    assert names == ["ease", "item-autoencoder", "item-knn"]
    assert {component.kind for component in chosen(PLUGINS, [])} == {"recommender", "attacker", "defense"}
    with pytest.raises(PluginError, match="did you mean 'ease'"):
        chosen(PLUGINS, ["eaes"])


def test_there_is_no_95th_percentile_of_three_times():
    assert percentiles([3.0, 1.0, 2.0]) == {"p50": 2.0, "p95": None, "n": 3}
    assert percentiles(list(range(101)))["p95"] == 95.0
