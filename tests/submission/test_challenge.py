"""Profiles alone against the defenses of a suite."""

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from recbench.cli import main
from recbench.contracts import Profiles
from recbench.errors import SuiteError
from recbench.matrix.suite import load_suite
from recbench.results import Results
from recbench.submission.challenge import challenge, read_profiles
from recbench.submission.refusal import SubmissionError

SUITE = """
name = "films-challenge"
version = "1"
datasets = ["filmtrust"]
recommenders = ["popularity"]
defenses = ["pca-varselect"]
controls = ["random"]
metrics = ["attack", "ranking"]
"""


@pytest.fixture
def suite(mirror, tmp_path, monkeypatch, quick_executor) -> Path:
    monkeypatch.setenv("RECBENCH_MIRROR", str(mirror))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "challenge.toml").write_text(SUITE)
    return tmp_path / "challenge.toml"


@pytest.fixture
def profiles(tmp_path) -> Path:
    """One item a profile: within any budget."""
    Profiles(np.arange(6), np.arange(5, dtype=np.int32)).save(tmp_path / "Mine One.npz")
    return tmp_path / "Mine One.npz"


def test_profiles_run_against_the_suites_defenses_beside_its_controls(suite, profiles, capsys):
    assert main(["verify", str(profiles), "--challenge", str(suite)]) == 0
    out = capsys.readouterr().out
    assert "the profiles are within the budget; the run is in runs/films-challenge-mine-one" in out
    results = Results.read("runs/films-challenge-mine-one")
    cells = {(row["attacker"], row["defense"]) for row in results.rows([]) if row["status"] == "ok"}
    assert {("mine-one", "none"), ("mine-one", "pca-varselect"), ("random", "none")} <= cells


def test_options_that_a_challenge_does_not_heed_are_refused(suite, profiles, capsys):
    assert main(["verify", str(profiles), "--challenge", str(suite), "--json", "--rerun", "3"]) == 2
    assert "--rerun, --json: not for --challenge" in capsys.readouterr().err
    assert main(["verify", str(profiles), "--out", "elsewhere"]) == 2
    assert "--out is the folder of a challenge's run" in capsys.readouterr().err


def test_profiles_over_the_budget_are_refused_and_not_run(suite, tmp_path, plugins):
    Profiles(np.arange(101), np.zeros(100, np.int32)).save(tmp_path / "p.npz")
    with pytest.raises(
        SubmissionError, match=r"p.npz: 100 profiles; the budget is 45; craft the profiles for this suite"
    ):
        challenge(tmp_path / "p.npz", load_suite(str(suite)), plugins, tmp_path / "run", 1)
    Profiles.empty().save(tmp_path / "p.npz")
    with pytest.raises(SubmissionError, match="it holds no profile"):
        challenge(tmp_path / "p.npz", load_suite(str(suite)), plugins, tmp_path / "run", 1)
    assert not (tmp_path / "run").exists()


def test_a_suite_of_several_units_is_no_challenge(suite, profiles, plugins, tmp_path):
    several = load_suite(str(suite)).override(seeds=2)
    with pytest.raises(SuiteError, match="has 2 split seeds; profiles are for exactly one"):
        challenge(profiles, several, plugins, tmp_path / "run", 1)


class Trap:
    def __reduce__(self):
        return os.mkdir, ("sprung",)


@pytest.mark.parametrize("name", ["indptr.npy", "../indptr.npy", "trap.npy"])
def test_hostile_files_are_refused_and_nothing_unpickled(profiles, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile(profiles) as archive:
        files = {each: archive.read(each) for each in archive.namelist()}
    with zipfile.ZipFile(profiles, "w") as archive:
        for each, content in (files | {name: pickle.dumps(Trap())}).items():
            archive.writestr(each, content)
    with pytest.raises(SubmissionError):
        read_profiles(profiles)
    assert not (tmp_path / "sprung").exists()


def test_what_is_read_is_what_was_saved(tmp_path):
    saved = Profiles(np.array([0, 2, 3]), np.array([4, 1, 2], np.int32), np.array([5, 1, 3], np.float32))
    saved.save(tmp_path / "p.npz")
    read = read_profiles(tmp_path / "p.npz")
    for name in ("indptr", "items", "ratings"):
        assert np.array_equal(getattr(read, name), getattr(saved, name))


def test_a_file_that_is_not_there_is_named_and_not_called_damaged(tmp_path):
    with pytest.raises(SubmissionError, match=r"nosuch.npz: there is no such file; name the file"):
        read_profiles(tmp_path / "nosuch.npz")
