"""Plugins that go wrong in a real matrix: each gives exactly its rows, and moves no other.

Three runs: the sound components alone; the same with the faulty recommenders; the same with the faulty
attackers and defenses. Everything of the first run must be in the other two, bit for bit.
"""

from __future__ import annotations

import os
import re
import resource
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from distributions import write_distribution
from harness import FAULTY, contents, faulty, finish, good, orphans, start, write_suite

from recbench.execution.log import HEAD_BYTES, TAIL_BYTES
from recbench.local import from_path
from recbench.store import Store

Record = dict[str, Any]

SECONDS = 4
RECOMMENDERS = good("Popular")
ATTACKERS = good("Fills")
DEFENSES = good("KeepsAll")
LIMITS = f"[limits]\nseconds = {SECONDS}\nmemory_gb = 0.5\n"
FILE_BYTES = 64 << 20
"""What stands in for the size of the disk: no process of the harness may write a larger file."""

# What becomes of the cells of a plugin: status, stage, reason (a regular expression).
FAILING_RECOMMENDERS = {
    "Raises": ("error", "fit", r"ZeroDivisionError: no luck$"),
    "ExitsQuietly": ("crashed", "fit", r"exited with code 0 and without its artifact$"),
    "Segfaults": ("crashed", "fit", r"killed by SIGSEGV$"),
    "ClosesItsStreams": ("error", "fit", r"LookupError: said in silence$"),
    "FitsNothing": ("invalid", "fit", r"RuleViolation: fit returned NoneType, which has no score; return a Scorer$"),
    "GivesNan": ("invalid", "fit", r"InvalidScores: Scores gave user \d+ the score nan for item 3; "),
    "GivesInfinity": ("invalid", "fit", r"InvalidScores: Scores gave user \d+ the score inf for item 4; "),
    "GivesOneColumnTooMany": ("invalid", "fit", r"InvalidScores: .*shape \((\d+), 41\); expected \(\1, 40\)"),
    "GivesIntegers": ("invalid", "fit", r"InvalidScores: Scores gave int64 scores"),
    "GivesObjects": ("invalid", "fit", r"InvalidScores: Scores gave object scores"),
    "WritesIntoItsInput": ("error", "fit", r"ValueError: assignment destination is read-only$"),
}
SURVIVING_RECOMMENDERS = ["WritesIntoItsInputThroughTorch", "ChangesGlobalState", "LeavesThreads"]
if sys.platform == "linux":
    SURVIVING_RECOMMENDERS.append("LeavesADaemon")

FAILING_ATTACKERS = {
    "LoopsForEver": ("timeout", "craft", rf"not done after {SECONDS} s$"),
    "EatsMemory": ("out-of-memory", "craft", r".*MemoryError"),
    "FillsTheDisk": ("error", "craft", r"OSError: \[Errno 27\] File too large$"),
    "PrintsAGigabyte": ("error", "craft", r"RuntimeError: the end$"),
    "Overspends": ("invalid", "craft", r"BudgetViolation: .*targets counted$"),
    "SendsTooMany": ("invalid", "craft", r"BudgetViolation: 2 profiles; the budget is 1$"),
    "Peeks": ("invalid", "craft", r"KnowledgeViolation: .*it touched 'interactions'$"),
    "CraftsAList": ("invalid", "craft", r"RuleViolation: craft returned list; expected Profiles$"),
    "CraftsFractions": ("invalid", "craft", r"BudgetViolation: items is float64; expected integers$"),
    "WritesIntoItsTargets": ("error", "craft", r"ValueError: assignment destination is read-only$"),
}
FAILING_DEFENSES = {
    "InspectionRaises": ("error", "sanitize", r"ValueError: nothing to see$"),
    "SuspectsNan": ("invalid", "sanitize", r"RuleViolation: suspicion holds values that are not finite$"),
    "JudgesTooFew": ("invalid", "sanitize", r"RuleViolation: verdict on \(\d+,\)"),
    "ReturnsAMask": ("invalid", "sanitize", r"RuleViolation: inspect returned ndarray; expected Verdict$"),
    "ProtectsNothing": ("invalid", "fit", r"RuleViolation: robust training returned Counts; expected Protected$"),
    "SuspectsInfinity": ("invalid", "fit", r"RuleViolation: suspicion holds values that are not finite$"),
}


def small_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Store]:
    """Runs a suite of the small data set to its end; every run is one of suite 'faults', so cells compare."""
    folder = tmp_path_factory.mktemp("faults")

    def run(name: str, axes: list[list[str]], code: int, **options: Any) -> Store:
        suite = write_suite(folder, name, *axes, LIMITS)
        mark = str(folder / name)
        finish(start(folder, "run", suite, "--out", name, "--jobs", "2", mark=mark, **options), code)
        assert orphans(mark) == []
        return Store(folder / name)

    return run


@pytest.fixture(scope="module")
def sound(run) -> Store:
    return run("sound", [RECOMMENDERS, ATTACKERS, DEFENSES], 0)


@pytest.fixture(scope="module")
def victims(run) -> Store:
    """The sound matrix with all faulty recommenders."""
    names = [*FAILING_RECOMMENDERS, *SURVIVING_RECOMMENDERS]
    return run("victims", [[*RECOMMENDERS, *faulty(*names)], ATTACKERS, DEFENSES], 1)


@pytest.fixture(scope="module")
def attacks(run) -> Store:
    """The sound matrix with all faulty attackers and defenses."""
    attackers, defenses = faulty(*FAILING_ATTACKERS, "RaisesItsOwnBudget"), faulty(*FAILING_DEFENSES)
    axes = [RECOMMENDERS, [*ATTACKERS, *attackers], [*DEFENSES, *defenses]]
    return run("attacks", axes, 1, preexec_fn=small_disk)


@cache
def name_of(kind: Any, plugin: str) -> str:
    component, _ = from_path(kind, f"{FAULTY}:{plugin}")
    return component.name


def rows(store: Store, axis: str, plugin: str) -> list[Record]:
    found = [each for each in store.records() if each["question"][axis]["name"] == name_of(axis, plugin)]
    assert found
    return found


def check(store: Store, record: Record, expected: tuple[str, str, str]) -> str:
    """Hold a failed row against what is expected; returns its log."""
    status, stage, reason = expected
    assert (record["status"], record["stage"]) == (status, stage), record["reason"]
    assert re.match(reason, record["reason"]), record["reason"]
    assert record["metrics"] == {}
    return (store.root / record["log"]).read_text()


@pytest.mark.parametrize("plugin", FAILING_RECOMMENDERS)
def test_a_faulty_recommender_fails_each_of_its_cells_and_says_why(victims, plugin):
    for record in rows(victims, "recommender", plugin):
        log = check(victims, record, FAILING_RECOMMENDERS[plugin])
        if plugin == "Segfaults":
            assert "in fit" in log
        elif plugin not in ("ExitsQuietly", "ClosesItsStreams"):
            assert "Traceback" in log


@pytest.mark.parametrize("plugin", SURVIVING_RECOMMENDERS)
def test_what_a_recommender_leaves_behind_does_not_even_move_its_own_rows(victims, plugin):
    """They all rank by popularity: their cells are those of the sound recommender that does."""
    sound = {
        tuple(record["question"][axis]["name"] for axis in ("attacker", "defense")): record["metrics"]
        for record in victims.records()
        if record["question"]["recommender"]["name"] == "popular"
    }
    for record in rows(victims, "recommender", plugin):
        assert (record["status"], record["reason"]) == ("ok", "")
        assert record["metrics"] == sound[tuple(record["question"][axis]["name"] for axis in ("attacker", "defense"))]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lends a process the children of its children")
def test_a_daemon_of_a_recommender_is_dead_when_the_run_has_ended(victims):
    pids = [int(path.read_text()) for path in (victims.root.parent / "pids").iterdir()]
    assert len(pids) == 4  # two clean fits, one of them done twice, and an attacked one
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_an_attacker_cannot_write_into_the_budget_that_it_is_held_against(attacks):
    for record in rows(attacks, "attacker", "RaisesItsOwnBudget"):
        assert record["status"] in ("error", "invalid")


@pytest.mark.parametrize("plugin", FAILING_ATTACKERS)
def test_a_faulty_attacker_fails_each_of_its_cells_and_says_why(attacks, plugin):
    failed = [each for each in rows(attacks, "attacker", plugin) if each["question"]["defense"]["name"] == "none"]
    for record in failed:
        log = check(attacks, record, FAILING_ATTACKERS[plugin])
        if plugin == "PrintsAGigabyte":
            assert len(log) < HEAD_BYTES + TAIL_BYTES + 100
            assert log.startswith("the beginning")
            assert log.endswith("RuntimeError: the end\n")
    assert {record["status"] for record in rows(attacks, "attacker", plugin)} == {failed[0]["status"]}


@pytest.mark.parametrize("plugin", FAILING_DEFENSES)
def test_a_faulty_defense_fails_each_of_its_cells_and_says_why(attacks, plugin):
    sound = {"none", "fills"}
    failed = [each for each in rows(attacks, "defense", plugin) if each["question"]["attacker"]["name"] in sound]
    assert len(failed) == len(sound)
    for record in failed:
        assert "Traceback" in check(attacks, record, FAILING_DEFENSES[plugin])


@pytest.mark.parametrize("run_with_faults", ["victims", "attacks"])
def test_the_rest_of_the_matrix_is_that_of_a_run_without_the_faulty_plugins(sound, request, run_with_faults):
    store = request.getfixturevalue(run_with_faults)
    expected, found = contents(sound), contents(store)
    assert {record["status"] for record in expected["records"].values()} == {"ok"}
    for part in ("records", "artifacts"):
        assert {key: found[part].get(key) for key in expected[part]} == expected[part]
    assert len(found["records"]) == len(found["plan"]["cells"])
    others = [record for key, record in found["records"].items() if key not in expected["records"]]
    files = {name_of(kind, plugin) for kind, plugin in every_faulty_plugin()}
    assert all({record["question"][axis]["name"] for axis in AXES} & files for record in others)
    assert store.check() == []


AXES = ("recommender", "attacker", "defense")


def every_faulty_plugin() -> list[tuple[str, str]]:
    kinds = [
        ("recommender", [*FAILING_RECOMMENDERS, *SURVIVING_RECOMMENDERS]),
        ("attacker", [*FAILING_ATTACKERS, "RaisesItsOwnBudget"]),
        ("defense", FAILING_DEFENSES),
    ]
    return [(kind, plugin) for kind, plugins in kinds for plugin in plugins]


HOOKS = """
    @hookimpl
    def recbench_recommenders():
        yield Component("recommender", "unimportable", "{module}:Unimportable")

    @hookimpl
    def recbench_cell_finished(record):
        raise SystemExit("not interested")
"""


def test_an_installed_plugin_that_raises_on_import_or_in_a_hook_gives_its_rows_or_a_warning(run, sound, tmp_path):
    (tmp_path / "unimportable_module.py").write_text("raise OSError('no library')")
    path = [
        tmp_path,
        write_distribution(tmp_path, "observer", HOOKS.format(module="unimportable_module")),
        write_distribution(tmp_path, "dead", "1 / 0"),
    ]
    folder = sound.root.parent
    suite = write_suite(folder, "hooks", [*RECOMMENDERS, "unimportable"], ATTACKERS, DEFENSES, LIMITS)
    errors = finish(start(folder, "run", suite, "--out", "hooks", "--jobs", "2", path=path), 1)
    assert "plugin 'dead' (dead-dist 1.0) is not active (failed): ZeroDivisionError: division by zero" in errors
    assert "plugin 'observer' (observer-dist 1.0): recbench_cell_finished: SystemExit: not interested" in errors
    expected, found = contents(sound), contents(Store(folder / "hooks"))
    assert found["artifacts"] == expected["artifacts"]
    broken = found["records"].keys() - expected["records"].keys()
    assert {key: found["records"][key] for key in expected["records"]} == expected["records"]
    assert len(broken) == len(expected["records"])
    for record in (found["records"][key] for key in broken):
        assert (record["status"], record["stage"]) == ("error", "plan")
        assert "OSError: no library" in record["reason"]
        assert Path(record["reason"].split("(")[-1].split(",")[0]).name == "unimportable_module.py"
