import pytest
from hand_made import record, suite

from recbench.leaderboard.boards import boards
from recbench.leaderboard.grid import Grid
from recbench.leaderboard.render import as_text
from recbench.leaderboard.throughput import UNKNOWN, ThroughputRow, throughput_rows
from recbench.throughput.machine import UNVERIFIED

HERE = {"processor": "Abacus", "cores": 2, "device": "cpu", "threads": 1}
THERE = HERE | {"processor": "Loom", "threads": 4}


def cost(cpu, wall=None, **amount):
    return {"cpu_seconds": cpu, "wall_seconds": wall or 2 * cpu, "peak_bytes": 2**20 * 100, **amount}


def cell(*names, machine=HERE, seed=0, size=0.03, **stages):
    return record(*names, seed=seed, size=size) | {"cost": stages, "machine": machine}


def rows(*records) -> dict[tuple[str, str], ThroughputRow]:
    found = throughput_rows(Grid(suite(), list(records)))
    assert len({(row.stage, row.component) for row in found}) == len(found)
    return {(row.stage, row.component): row for row in found}


def test_every_number_of_a_row():
    fits = [cell("A", seed=seed, fit=cost(cpu, interactions=100)) for seed, cpu in enumerate([1.0, 2.0, 4.0])]
    assert rows(*fits) == {
        ("fit", "A"): ThroughputRow(
            dataset="d",
            machine="Abacus, 2 cores, cpu, 1 thread",
            stage="fit",
            component="A",
            size=None,
            n=3,
            cpu_seconds=2.0,
            cpu_low=1.5,
            cpu_high=3.0,
            wall_seconds=4.0,
            wall_low=3.0,
            wall_high=6.0,
            per_second=100 / 4,
            peak_bytes=2**20 * 100,
            verified=True,
        )
    }


def test_a_stage_that_several_cells_share_counts_once():
    craft = cost(3.0, profiles=30)
    found = rows(
        cell("A", "p", craft=craft, fit=cost(1.0)),
        cell("B", "p", craft=craft, fit=cost(1.0)),
        cell("A", "p", seed=1, craft=cost(5.0, profiles=30), fit=cost(1.5)),
    )
    assert (found["craft", "p"].n, found["craft", "p"].cpu_seconds) == (2, 4.0)
    assert found["craft", "p"].per_second == pytest.approx((30 / 6 + 30 / 10) / 2)
    assert (found["fit", "A"].n, found["fit", "B"].n) == (2, 1)  # equal seconds of another component are its own


def test_robust_training_is_a_component_of_its_own_and_a_detector_is_not():
    found = rows(
        cell("A", fit=cost(1.0), evaluate=cost(0.5)),
        cell("A", "none", "robust", fit=cost(9.0)),
        cell("A", "none", "detector", sanitize=cost(2.0), fit=cost(1.0)),  # it removed nobody: the same fit
    )
    assert {key: (row.n, row.cpu_seconds) for key, row in found.items()} == {
        ("fit", "A"): (1, 1.0),
        ("fit", "A with robust"): (1, 9.0),
        ("sanitize", "detector"): (1, 2.0),
        ("evaluate", "all metrics"): (1, 0.5),
    }


def test_sizes_of_an_attack_are_crafted_apart():
    found = throughput_rows(
        Grid(suite(), [cell("A", "p", size=size, craft=cost(size, profiles=1)) for size in (0.03, 0.01)])
    )
    assert [(row.size, row.cpu_seconds) for row in found] == [(0.01, 0.01), (0.03, 0.03)]


def test_two_machines_are_never_in_one_row_and_the_table_says_which():
    records = [cell("A", fit=cost(1.0)), cell("A", seed=1, machine=THERE, fit=cost(3.0))]
    grid = Grid(suite(), records)
    assert [(row.machine, row.n) for row in throughput_rows(grid)] == [
        ("Abacus, 2 cores, cpu, 1 thread", 1),
        ("Loom, 2 cores, cpu, 4 threads", 1),
    ]
    text = as_text(boards(grid)[-1])
    assert "on Abacus, 2 cores, cpu, 1 thread" in text
    assert "2 machines, whose seconds are not compared" in text
    assert "All on Abacus, 2 cores, cpu, 1 thread." in as_text(boards(Grid(suite(), records[:1]))[-1])


def test_what_ran_on_a_gpu_is_labelled_unverified():
    records = [cell("A", fit=cost(1.0)), cell("B", machine=HERE | {"device": "cuda:0"}, fit=cost(3.0))]
    grid = Grid(suite(), records)
    assert {row.component: row.verified for row in throughput_rows(grid)} == {"A": True, "B": False}
    lines = as_text(boards(grid)[-1]).splitlines()
    assert [line.split()[-1] == "unverified" for line in lines if " fit " in line] == [False, True]
    assert f"{UNVERIFIED}." in lines
    assert "unverified" not in as_text(boards(Grid(suite(), records[:1]))[-1])


def test_records_that_name_no_machine_and_count_nothing_say_so():
    (row,) = rows(record("A", cpu={"fit": 1.0})).values()
    assert row.machine == UNKNOWN
    assert row.per_second is row.wall_seconds is row.peak_bytes is None


def test_a_cell_that_failed_later_still_tells_what_its_stages_cost():
    (row,) = rows(cell("A", "p", craft=cost(1.0)) | {"status": "error", "stage": "fit"}).values()
    assert (row.stage, row.n) == ("craft", 1)
