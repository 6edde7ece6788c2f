"""Where the time of a run went, counted by hand."""

import pytest

from recbench.matrix.profile import profile, total


def record(cell_id, recommender, attacker="none", defense="none", cost=(), **artifacts):
    """A record as far as a profile reads one; `cost` gives the CPU seconds of the stages."""
    names = {"recommender": recommender, "attacker": attacker, "defense": defense}
    return {
        "cell_id": cell_id,
        "question": {axis: {"name": name} for axis, name in names.items()},
        "artifacts": dict.fromkeys(("prepared", "profiles", "verdict", "fit", "clean")) | artifacts,
        "cost": {stage: {"cpu_seconds": cpu, "wall_seconds": 2 * cpu} for stage, cpu in dict(cost).items()},
    }


CLEAN = record("a", "ease", cost={"fit": 3.0, "evaluate": 0.1}, fit="F0", clean="F0")
ATTACKED = record(
    "b", "ease", "gan", cost={"craft": 8.0, "fit": 4.0, "evaluate": 0.1}, profiles="P", fit="F1", clean="F0"
)
KEPT_ALL = record(
    "c",
    "ease",
    "gan",
    "lof",
    cost={"craft": 8.0, "sanitize": 1.0, "fit": 4.0, "evaluate": 0.1},
    profiles="P",
    verdict="V",
    fit="F1",
    clean="F0",
)
ROBUST = record("d", "ease", "gan", "vat", cost={"craft": 8.0, "fit": 20.0}, profiles="P", fit="F2", clean="F0")


def lines_of(*records):
    return {(line.stage, line.plugins): line for line in profile(records)}


def test_what_cells_share_is_counted_once_and_would_be_paid_by_each_alone():
    lines = lines_of(CLEAN, ATTACKED, KEPT_ALL, ROBUST)
    craft = lines["craft", "gan"]
    assert (craft.stages, craft.uses, craft.cpu_seconds, craft.alone_cpu_seconds) == (1, 3, 8.0, 24.0)
    assert craft.spared == pytest.approx(2 / 3)
    fit = lines["fit", "ease"]
    assert (fit.stages, fit.uses) == (2, 4 + 2)
    assert (fit.cpu_seconds, fit.wall_seconds) == (7.0, 14.0)
    assert fit.alone_cpu_seconds == 4 * 3.0 + 2 * 4.0


def test_robust_training_is_the_work_of_both_plugins_and_a_detector_of_itself():
    lines = lines_of(CLEAN, ATTACKED, KEPT_ALL, ROBUST)
    assert lines["fit", "ease under vat"].cpu_seconds == 20.0
    assert lines["sanitize", "lof"].spared == 0.0
    assert lines["evaluate", ""].stages == 3


def test_the_most_expensive_comes_first_and_all_add_up():
    lines = profile([CLEAN, ATTACKED, KEPT_ALL, ROBUST])
    assert [line.cpu_seconds for line in lines] == pytest.approx([20.0, 8.0, 7.0, 1.0, 0.3])
    whole = total(lines)
    assert whole.cpu_seconds == pytest.approx(36.3)
    assert whole.spared == pytest.approx(1 - 36.3 / (20 + 24 + 20 + 1 + 0.3))


def test_a_failed_cell_counts_what_it_needed_and_a_skipped_one_nothing():
    failed = record("e", "ease", "gan", "bad", cost={"craft": 8.0}, profiles="P", clean="F0")
    skipped = record("f", "ease") | {"artifacts": {}}
    lines = lines_of(CLEAN, ATTACKED, failed, skipped)
    assert lines["craft", "gan"].uses == 2
    assert lines["fit", "ease"].uses == 3 + 1


def test_a_run_without_records_has_no_lines():
    assert profile([]) == []
    assert total([]).spared == 0.0
