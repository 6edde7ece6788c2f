"""What a site tells of verdicts on fakes: of real runs, held against the arrays in their stores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from planted_suite import suite

import recbench
from recbench.leaderboard.grid import Grid
from recbench.leaderboard.site.components import Components
from recbench.leaderboard.site.seen import BINS, stored_verdicts
from recbench.results import Results
from recbench.store import Store


@pytest.fixture
def run(shop: Path, quick_executor: None) -> Results:
    return recbench.run(suite(["Popular"], ["Fills"], ["KeepsAll", "RemovesBuyersOf"]), out="run", jobs=1)


def verdicts_of(results: Results, store: Store) -> dict[str, list[dict[str, object]]]:
    return stored_verdicts(results.records, Components(Grid(results.suite, results.records), []), store)


def test_a_defended_cell_shows_its_defense_and_an_undefended_one_shows_all(run: Results) -> None:
    found = verdicts_of(run, Store(Path("run")))
    by_defense = {
        record["question"]["defense"]["name"]: found.get(record["cell_id"])
        for record in run.records
        if record["question"]["attacker"]["name"] != "none"
    }
    undefended = by_defense.pop("none")
    assert undefended is not None
    assert len(by_defense) == 2
    for own in by_defense.values():
        assert own is not None
        assert len(own) == 1
        assert own[0] in undefended
    assert len(undefended) == 2
    clean = [record for record in run.records if record["question"]["attacker"]["name"] == "none"]
    assert clean
    assert not found.keys() & {record["cell_id"] for record in clean}


def test_fakes_are_counted_where_the_stored_suspicion_puts_them(run: Results) -> None:
    store = Store(Path("run"))
    found = verdicts_of(run, store)
    for record in run.records:
        if record["artifacts"].get("verdict") is None or record["question"]["attacker"]["name"] == "none":
            continue
        arrays = store.get(record["artifacts"]["verdict"]).arrays
        m = len(store.get(record["artifacts"]["profiles"]).arrays["indptr"]) - 1
        n = len(arrays["keep"]) - m
        (said,) = found[record["cell_id"]]
        assert (said["genuine"], said["lost"]) == (n, int((~arrays["keep"][:n]).sum()))
        kept, removed = [0] * BINS, [0] * BINS
        for suspicion, keep in zip(arrays["suspicion"][n:], arrays["keep"][n:], strict=True):
            genuine = arrays["suspicion"][:n]
            share = (np.sum(genuine < suspicion) + np.sum(genuine == suspicion) / 2) / n
            (kept if keep else removed)[min(int(share * BINS), BINS - 1)] += 1
        assert (said["kept"], said["removed"]) == (kept, removed)


def test_what_the_store_does_not_hold_any_more_is_left_out(run: Results, tmp_path: Path) -> None:
    assert verdicts_of(run, Store(tmp_path / "elsewhere")) == {}
