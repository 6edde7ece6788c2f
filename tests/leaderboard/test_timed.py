import pytest
from hand_made import clean, suite

from recbench.errors import DataError
from recbench.leaderboard.boards import boards
from recbench.leaderboard.grid import Grid
from recbench.leaderboard.render import as_text
from recbench.leaderboard.timed import TimedRow, reports_of, timed_rows
from recbench.leaderboard.write import write_tables
from recbench.throughput.machine import UNVERIFIED
from recbench.throughput.report import Report, Timing

HERE = {
    "processor": "Abacus",
    "cores": 2,
    "device": "cpu",
    "threads": 1,
    "gpu": None,
    "packages": {"torch": "2.0"},
    "git": {"commit": "0123456789abcdef", "dirty": False},
    "protocol": {"users": 1000},
}
GPU = HERE | {"device": "cuda", "gpu": {"name": "Loom 100"}}
WHERE = "on Abacus, 2 cores, cpu, 1 thread, 1,000 users and items, torch 2.0, commit 0123456789"


def timing(task="score", component="A", device="cpu", **more):
    facts = {
        "amount": 256,
        "unit": "users",
        "p50": 0.004,
        "p95": 0.005,
        "n": 40,
        "cpu_seconds": 0.003,
        "host_peak_bytes": 300 * 2**20,
        "host_growth_bytes": 7 * 2**20,
        "device_allocated_bytes": None,
        "device_reserved_bytes": None,
        "batch": 256,
    }
    return Timing(task, component, device, device == "cpu", **(facts | more))


ON_CPU = Report(HERE, (timing(), timing("fit", amount=9, unit="interactions", p95=None, batch=None, parameters=12345)))
ON_GPU = Report(GPU, (timing(device="cuda", device_allocated_bytes=9 * 2**20, device_reserved_bytes=2**24),))


def test_every_number_of_a_row():
    assert timed_rows([ON_CPU])[0] == TimedRow(
        circumstances=WHERE,
        task="score",
        component="A",
        batch=256,
        per_second=256 / 0.004,
        unit="users",
        n=40,
        p50=0.004,
        p95=0.005,
        cpu_seconds=0.003,
        host_growth_bytes=7 * 2**20,
        device_allocated_bytes=None,
        parameters=None,
        verified=True,
    )


def test_a_board_shows_rates_percentiles_memory_and_parameters():
    text = as_text(boards(Grid(suite(), clean("A", [0.4, 0.4])), [ON_CPU])[-1])
    rows = {line.split()[0]: line.split() for line in text.splitlines() if " A " in line}
    assert rows == {
        "score": ["score", "A", "256", "64,000", "users", "4", "5", "40", "3", "7", "n/a"],
        "fit": ["fit", "A", "n/a", "2,250", "interactions", "4", "n/a", "40", "3", "7", "12,345"],
    }
    assert WHERE in text
    assert "unverified" not in text


def test_two_machines_are_in_two_tables_and_figures_of_a_gpu_are_labelled():
    text = as_text(boards(Grid(suite(), clean("A", [0.4, 0.4])), [ON_CPU, ON_GPU])[-1])
    tables = text.split("\non ")
    assert len(tables) == 3
    assert "cuda (Loom 100)" in tables[2]
    assert " unverified\n" not in tables[1]
    assert " unverified\n" in tables[2]
    assert UNVERIFIED in text


def test_two_files_of_the_same_circumstances_are_refused():
    with pytest.raises(DataError, match=f"two files have figures {WHERE}"):
        timed_rows([ON_CPU, ON_GPU, ON_CPU])
    timed_rows([ON_CPU, Report(HERE | {"git": HERE["git"] | {"dirty": True}}, ON_CPU.timings)])


def test_without_a_file_there_is_no_such_board(tmp_path):
    assert reports_of(tmp_path) == []
    write_tables(clean("A", [0.4, 0.4]), suite(), tmp_path)
    assert not (tmp_path / "throughput-timed.csv").exists()
    write_tables(clean("A", [0.4, 0.4]), suite(), tmp_path, [ON_CPU])
    assert (tmp_path / "throughput-timed.csv").is_file()
