"""`recbench check`: one line a check, each in a worker of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from textwrap import dedent

import pytest

from recbench.cli import main
from recbench.conformance import Outcome, Subject, checks_of


def test_a_sound_metric_passes_and_says_what_was_tried_and_measured(capsys):
    assert main(["check", "metric:ranking"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "ok   better lists get better values" in lines
    assert "ok   known lists have known values: of hr@10, mrr@10, ndcg@10, precision@10, recall@10" in lines
    assert lines[-1].startswith("metric 'ranking': ")


def test_a_check_that_crashes_or_hangs_fails_and_the_others_go_on(tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.py").write_text(
        dedent(
            """
            import os, time
            from dataclasses import dataclass
            from recbench.contracts import Metric

            @dataclass(frozen=True)
            class Fragile(Metric):
                def __call__(self, outcome):
                    if outcome.clean is None:
                        os._exit(3)
                    if not outcome.eligible.size == outcome.eligible.shape[0] * 2:
                        time.sleep(600)
                    return {"early": float(outcome.ranking.target_ranks.mean())}
            """
        )
    )
    monkeypatch.chdir(tmp_path)
    assert main(["check", "./mine.py:Fragile", "--json", "--seconds", "5"]) == 1
    document = json.loads(capsys.readouterr().out)
    checks = {each["name"]: each for each in document["checks"]}
    assert checks["what is undefined is left out"]["reason"].startswith("crashed")
    assert checks["known lists have known values"]["reason"].startswith("timeout")
    assert checks["the order of users does not matter"]["status"] == "passed"
    assert not document["ok"]


@pytest.mark.parametrize("passing", [0, 1])
def test_a_component_of_which_nothing_could_be_tried_has_failed(passing, monkeypatch, capsys):
    def outcomes(subject: Subject, jobs: int, seconds: float) -> Iterator[Outcome]:
        for k, each in enumerate(checks_of(subject.component.kind)):
            yield Outcome(each, "passed" if k < passing else "not applicable", "it is of no use here")

    monkeypatch.setattr("recbench.conformance.isolated.outcomes", outcomes)
    assert main(["check", "metric:ranking"]) == (0 if passing else 1)
    last = capsys.readouterr().out.splitlines()[-1]
    assert ("no check could be tried, which counts as failed" in last) == (not passing)
    assert main(["check", "metric:ranking", "--json"]) == (0 if passing else 1)
    assert json.loads(capsys.readouterr().out)["ok"] == bool(passing)


def test_what_is_wrong_with_a_file_is_not_said_of_one_kind(tmp_path, capsys):
    (tmp_path / "broken.py").write_text("class Mine(:")
    assert main(["check", f"{tmp_path}/broken.py:Mine"]) == 2
    assert capsys.readouterr().err.startswith(
        f"error: '{tmp_path}/broken.py:Mine': the file cannot be run: SyntaxError"
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["eas"], "nothing is called 'eas'; did you mean 'ease'?"),
        (["metric:rankng"], "unknown metric 'rankng'; did you mean 'ranking'?"),
        (["ease", "sort"], "unknown kind 'sort'"),
    ],
)
def test_an_unknown_name_is_a_mistake_with_the_nearest_one(arguments, complaint, capsys):
    assert main(["check", *arguments]) == 2
    assert complaint in capsys.readouterr().err
