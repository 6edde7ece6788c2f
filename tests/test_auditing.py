"""An audit of one's own recommender on one's own data, with real workers."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import recbench
from recbench.cli import main
from recbench.errors import RecbenchError
from recbench.report import Report

QUICK = {"attackers": ["random", "popular"], "defenses": ["pca-varselect"], "jobs": 2, "size": 0.05}
SCRIPT = """
import sys, pandas as pd
train = pd.read_csv(sys.argv[1])
best = train.item_id.value_counts().index
pd.DataFrame([(u, i) for u in train.user_id.unique() for i in best], columns=["user_id", "item_id"]).to_csv(
    sys.argv[2], index=False)
"""


class CoOccurrence:
    """Items that occur together with the user's: knows nothing of recbench."""

    def fit(self, matrix):
        self.matrix = (matrix > 0).astype(np.float32)
        self.weights = (self.matrix.T @ self.matrix).toarray()
        np.fill_diagonal(self.weights, 0)
        return self

    def score(self, users):
        return self.matrix[users] @ self.weights


class Broken(CoOccurrence):
    def fit(self, matrix):
        raise ValueError("out of <b>luck</b>")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two blocks of users, each with items of its own, under ids that are words."""
    rng = np.random.default_rng(5)
    path = tmp_path_factory.mktemp("data") / "shop.csv"
    lines = [
        f"user {user},<i>item {item}</i>"
        for user in range(120)
        for item in np.unique(rng.integers(0, 60, 20) + 60 * (user % 2))
    ]
    path.write_text("user_id,item_id\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def report(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return recbench.audit(CoOccurrence(), log, tmp_path_factory.mktemp("runs") / "audit", **QUICK)


def test_an_object_that_knows_nothing_of_recbench_is_attacked_and_defended(report):
    assert (report.recommender, report.dataset, report.n_users, report.fakes) == ("co-occurrence", "shop", 120, 6)
    assert {row.attacker for row in report.attacks} == {"random", "popular"}
    assert [row.defense for row in report.defenses] == ["pca-varselect"]
    assert report.failures == []
    assert len(report.to_pandas()) == len(report.results)


def test_the_worst_attack_is_the_one_with_the_greatest_gain_and_no_control(report):
    gains = {row.attacker: row.gain for row in report.attacks}
    assert report.worst.attacker == "popular"
    assert report.worst.gain == gains["popular"] > report.floor


def test_the_sentences_hold_the_numbers_of_the_tables(report):
    text = "\n".join(report.summary)
    assert f"{report.measured('ndcg@10'):.3f}" in text
    assert "With a budget of 6 fake users (5.00% of 120), 'popular'" in text
    assert "bits, 95% interval between groups of targets of one split +" in text
    assert f"{report.worst.gain:+.2f} bits" in text
    assert "rest on 4 groups" in text


def test_the_explanation_is_of_the_worst_attack_and_knows_every_fake(report):
    explained = report.explanation
    assert explained.attacker == "popular"
    assert len(explained.profiles) == len(explained.influence) == 6
    assert explained.plane.shape == (126, 2)
    assert explained.influence.max() > 0
    assert set(explained.seen) == {"pca-varselect"}
    assert explained.seen["pca-varselect"].suspicion.shape == (126,)
    best = np.argsort(-explained.popularity)
    assert {item for item, _ in explained.fillers[:3]} <= set(best[:15].tolist())


def test_the_page_is_whole_escaped_and_loads_nothing(report, tmp_path):
    report.write(tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()

    links = []

    class Links(HTMLParser):
        def handle_starttag(self, tag, attributes):
            assert tag not in ("script", "link", "iframe")
            links.extend(value for name, value in attributes if name in ("src", "href"))

    Links().feed(page)
    assert len(links) == 3
    assert all(link.startswith("data:image/svg+xml;base64,") for link in links)
    assert "&lt;i&gt;item" in page
    assert "<i>item" not in page
    assert report.summary[0] in page
    report.write(tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == page


def test_an_audit_that_is_repeated_computes_nothing_and_says_the_same(report, log, capfd):
    again = recbench.audit(CoOccurrence(), log, report.results.folder, **QUICK)
    assert again.document() == report.document()
    assert np.array_equal(again.explanation.influence, report.explanation.influence)
    assert "fit " not in capfd.readouterr().err


def test_a_folder_where_another_defense_was_tried_is_audited_again(log, tmp_path):
    first = recbench.audit(CoOccurrence(), log, tmp_path, **QUICK)
    again = recbench.audit(CoOccurrence(), log, tmp_path, **QUICK | {"defenses": ["none"]})
    assert set(first.explanation.seen) == {"pca-varselect"}
    assert again.explanation.seen == {}
    assert again.worst.gain == first.worst.gain
    assert "No defenses were run." in str(again)


MINE = """
import numpy as np
import own_sign_of_shop

class Model:
    def fit(self, matrix):
        self.popularity = np.asarray((matrix > 0).sum(0)).ravel()

    def score(self, users):
        return np.tile(own_sign_of_shop.SIGN * self.popularity, (len(users), 1))
"""


def test_a_model_whose_helper_was_edited_is_audited_anew(log, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "mine.py").write_text(MINE)
    quality = {}
    for sign in (1, -1):
        (tmp_path / "own_sign_of_shop.py").write_text(f"SIGN = {sign:+d} * {'1' * (2 - sign)}\n")  # of another length
        monkeypatch.delitem(sys.modules, "own_sign_of_shop", raising=False)
        report = recbench.audit(f"{tmp_path}/mine.py:Model", log, tmp_path / "run", **QUICK | {"defenses": ["none"]})
        quality[sign] = report.measured("ndcg@10")
    assert quality[-1] < quality[1]


def test_an_audit_in_other_circumstances_is_computed_anew(report, log, tmp_path):
    quick = QUICK | {"defenses": ["none"], "attackers": ["popular"]}
    recbench.audit(CoOccurrence(), log, tmp_path, **quick)
    old = recbench.audit(CoOccurrence(), log, tmp_path, **quick, threads=2, rerun="missing")
    assert all(cell["stale"] for cell in old.results.cells)
    new = recbench.audit(CoOccurrence(), log, tmp_path, **quick, threads=2)
    assert not any(cell["stale"] for cell in new.results.cells)


def test_what_does_not_apply_is_told_and_does_not_count_as_tried(log, tmp_path):
    report = recbench.audit(CoOccurrence(), log, tmp_path, **QUICK | {"defenses": ["adversarial-training"]})
    (reason,) = report.skipped
    assert "adversarial-training" in reason
    assert f"Left out: {reason}." in report.summary
    assert report.document()["skipped"] == [reason]


def test_an_explanation_is_needed_by_the_audit_that_made_it(log, tmp_path, capsys):
    assert (
        main(["audit", "popularity", str(log), "--out", str(tmp_path), "--attacker", "popular", "--size", "0.1"]) == 0
    )
    assert main(["store", "check", str(tmp_path)]) == 0
    assert "all whole, all needed" in capsys.readouterr().out


def test_a_model_that_fails_leaves_holes_and_no_robustness(log, tmp_path):
    report = recbench.audit(Broken(), log, tmp_path / "audit", **QUICK)
    assert report.worst is None
    assert report.explanation is None
    assert "nothing can be said" in report.summary[0]
    assert "out of <b>luck</b>" in report.failures[0]
    report.write(tmp_path / "r.html")
    assert "<b>luck" not in (tmp_path / "r.html").read_text()


def test_a_command_in_another_language_is_audited(log, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT)
    arguments = ["--attacker", "popular", "--defense", "pca-varselect", "--size", "0.05", "--json"]
    code = main(["audit", "--command", f"{sys.executable} train.py {{train}} {{out}}", str(log), *arguments])
    found = json.loads(capsys.readouterr().out)
    assert (code, found["failures"]) == (0, [])
    assert found["recommender"] == "command"
    assert found["clean"]["ndcg@10"] > 0
    assert (tmp_path / "runs" / "audit-command-shop" / "plan.json").is_file()
    assert main(["store", "check", "runs/audit-command-shop"]) == 0
    assert "all whole, all needed" in capsys.readouterr().out


def test_an_object_called_like_an_installed_recommender_gets_a_name_of_its_own(log, tmp_path):
    class Ease(CoOccurrence):
        pass

    report = recbench.audit(Ease(), log, tmp_path, attackers=["popular"], defenses=["none"])
    assert report.recommender == "own-ease"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["log.csv"], "an audit is of a recommender and its data"),
        (["bpr-mf", "--command", "./train.sh {train} {out}", "log.csv"], "an audit is of a recommender and its data"),
        (["--command", "./train.sh {train}", "log.csv"], "has no {out}"),
        (["item-*", "filmtrust"], "unknown|one recommender|no such"),
        (["bpr-mf", "nowhere.csv"], "dataset 'nowhere.csv': no such file in "),
        (["bpr-mff", "filmtrust"], "did you mean 'bpr-mf'"),
        (["bpr-mf", "filmtrust", "--size", "2"], "size"),
        (["bpr-mf", "filmtrust", "--attacker", "parameter-*"], "an audit is of fake users"),
    ],
)
def test_a_mistake_is_one_line_and_runs_nothing(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = main(["audit", *words])
    error = capsys.readouterr().err
    assert (code, error.count("\n")) == (2, 1)
    assert any(each in error for each in message.split("|"))
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").glob("*/cells"))


def test_a_place_that_is_a_file_is_refused_before_anything_is_written(log, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(RecbenchError, match="out is a file; name a folder"):
        recbench.audit(CoOccurrence(), log, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_what_is_no_recommender_is_refused(log, tmp_path):
    @dataclass
    class Nothing:
        x: int = 0

    with pytest.raises(RecbenchError, match="fit"):
        recbench.audit(Nothing(), log, tmp_path)


def test_variants_of_an_attack_and_of_a_detector_are_told_apart_in_the_explanation(log, tmp_path):
    variants = {"attackers": ["power-user[measure=ratings|similarity]"], "defenses": ["pca-varselect[threshold=2|6]"]}
    report = recbench.audit(CoOccurrence(), log, tmp_path, size=0.05, **variants)
    assert {row.attacker for row in report.attacks} == {
        'power-user[measure="ratings"]',
        'power-user[measure="similarity"]',
    }
    assert report.worst is not None
    assert set(report.explanation.seen) == {"pca-varselect[threshold=2.0]", "pca-varselect[threshold=6.0]"}


def test_an_attack_that_cannot_be_explained_says_why(report, monkeypatch):
    def fails(*_):
        raise RecbenchError("the second training ran out of time")

    monkeypatch.setattr("recbench.auditing.Explanation.of", fails)
    again = recbench.audit(CoOccurrence(), report.results.plan["suite"]["datasets"][0], report.results.folder, **QUICK)
    assert again.explanation is None
    assert "is not known: the second training ran out of time." in "\n".join(again.summary)
