"""The checks in an author's own repository."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from recbench.conformance.pytest_plugin import claims, parametrize_with_checks
from recbench.errors import PluginError

FRAGILE = """
from dataclasses import dataclass
from recbench.contracts import Metric

@dataclass(frozen=True)
class Fragile(Metric):
    def __call__(self, outcome):
        return {"early": float(outcome.clean.target_ranks.mean())}
"""
EXPECTING = """
import pytest
from recbench.conformance.pytest_plugin import parametrize_with_checks

reasons = {
    "what is undefined is left out": "it has no twin to be compared with",
    "the order of users does not matter": "too good to be true",
}

@parametrize_with_checks(["./mine.py:Fragile"], expected=reasons)
def test_it_does_what_it_claims(claim):
    if claim.check.name not in reasons:
        pytest.skip("not what this is about")
    claim()
"""


def run(folder, *arguments):
    command = [sys.executable, "-m", "pytest", "-p", "recbench.conformance.pytest_plugin", "-q", *arguments]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)


def test_an_author_checks_a_component_without_writing_a_test(tmp_path):
    done = run(tmp_path, "--recbench", "metric:ranking")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed" not in done.stdout
    assert "passed" in done.stdout


def test_what_was_measured_is_shown_where_passed_tests_are(tmp_path):
    done = run(tmp_path, "--recbench", "metric:ranking", "-rP", "-k", "values")
    assert "metric:ranking: known lists have known values: of hr@10, mrr@10" in done.stdout


def test_a_component_of_which_nothing_could_be_tried_has_failed(tmp_path):
    done = run(tmp_path, "--recbench", "recommender:popularity", "-k", "pure")
    assert done.stdout.splitlines()[-1].startswith("1 skipped"), done.stdout + done.stderr
    assert done.returncode == 1


def test_expectations_of_the_decorator_are_strict_and_show_their_reason(tmp_path):
    (tmp_path / "mine.py").write_text(FRAGILE)
    (tmp_path / "test_mine.py").write_text(EXPECTING)
    done = run(tmp_path, "-rxX", "test_mine.py")
    assert done.returncode == 1
    assert re.match(r"1 failed, \d+ skipped, 1 xfailed in", done.stdout.splitlines()[-1])
    assert "[XPASS(strict)] too good to be true" in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("XFAIL")]
    assert "what is undefined is left out" in line
    assert "it has no twin to be compared with" in line


def test_an_expected_failure_that_passes_is_an_error(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\nrecbench_expected = known lists have known values: a typo\n")
    done = run(tmp_path, "--recbench", "metric:ranking")
    assert done.returncode == 1
    assert "XPASS(strict)" in done.stdout


def test_expectations_name_a_check_and_a_reason():
    with pytest.raises(PluginError, match="no check says 'known lists have known value'; did you mean"):
        claims(["metric:ranking"], {"known lists have known value": "why"})
    with pytest.raises(PluginError, match="without a reason"):
        claims(["metric:ranking"], {"known lists have known values": " "})


@parametrize_with_checks(["metric:ranking"])
def test_the_decorator_runs_every_check(claim):
    claim()
