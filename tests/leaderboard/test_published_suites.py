"""What we have published answers the questions that the suites still ask."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import recbench.leaderboard.site
from recbench.component import Component
from recbench.leaderboard import write_tables
from recbench.leaderboard.published import read_published, read_rows
from recbench.matrix.identity import Circumstances
from recbench.matrix.plan import Plan
from recbench.matrix.suite import Suite, load_suite
from recbench.plugins import load_plugins
from recbench.specs import parts_of
from recbench.submission.verify import verify

LEADERBOARDS = Path(__file__).parents[2] / "leaderboards"
PUBLISHED = sorted(path.parent for path in LEADERBOARDS.glob("*/cells.parquet"))


@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: folder.name)
def test_the_cells_of_a_published_run_are_those_that_its_suite_plans(folder: Path) -> None:
    suite = load_suite(str(LEADERBOARDS / f"{folder.name}.toml"))
    plan = Plan.of(suite, load_plugins(third_party=False), Circumstances(), {})
    assert {row["cell_id"] for row in read_rows(folder / "cells.parquet")} == {cell.id for cell in plan.cells}


@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: folder.name)
def test_the_published_tables_are_what_their_cells_make_today(folder: Path, tmp_path: Path) -> None:
    suite, records = read_published(folder)
    write_tables(records, suite, tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "cells.csv"}
    stale = [name for name, content in made.items() if (folder / name).read_bytes() != content]
    assert not stale, f"'recbench board leaderboards/{folder.name} --out leaderboards/{folder.name}' writes them"


@pytest.mark.parametrize("site", sorted(LEADERBOARDS.glob("*/site")), ids=lambda site: site.parent.name)
def test_a_published_site_has_the_scripts_of_today(site: Path) -> None:
    assets = Path(recbench.leaderboard.site.__file__).parent / "assets"
    carried = [path for path in assets.iterdir() if path.suffix in (".js", ".css", ".svg")]
    stale = [path.name for path in carried if path.read_bytes() != (site / "assets" / path.name).read_bytes()]
    assert len(carried) > 5
    assert not stale, "copy them; where the form of its data has changed too, make the site from a run anew"


@pytest.mark.parametrize("bundle", sorted((LEADERBOARDS / "submissions").glob("*.zip")), ids=lambda bundle: bundle.name)
def test_a_published_submission_is_recomputed(bundle: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECBENCH_MIRROR", str(mirror))
    report = verify(bundle, lambda: load_plugins(third_party=False), "recomputed")
    assert (report.badge, report.refusals) == ("recomputed", [])
    assert report.recomputed == report.ok > 0


def has_a_place(component: Component, suite: Suite) -> bool:
    """Whether a component serves the track and the goal of a suite."""
    if suite.feedback == "implicit" and "ratings" in component.requires_data:
        return False
    return component.kind != "attacker" or component.serves(suite.threat.goal, suite.feedback)


def test_the_standard_suite_holds_every_standard_plugin_or_says_why_not() -> None:
    path = LEADERBOARDS / "standard.toml"
    suite = load_suite(str(path))
    reasons = [line for line in path.read_text(encoding="utf-8").splitlines() if re.match(r"#   \S.*: \S", line)]
    left_out = {name for line in reasons for name in line[1:].partition(":")[0].split(",")}
    left_out = {name.strip() for name in left_out}
    asked = {("recommender", *suite.recommenders), ("attacker", *suite.attackers), ("defense", *suite.defenses)}
    named = {(kind, part) for kind, *names in asked for name in names for part in parts_of(str(name))}
    named -= {("attacker", "none"), ("defense", "none")}
    plugins = load_plugins(third_party=False)
    fitting = {
        (component.kind, component.name)
        for row in plugins.rows
        for component in row.components
        if component.kind in ("recommender", "attacker", "defense") and has_a_place(component, suite)
    }
    assert named <= fitting
    assert {name for _, name in fitting - named} == left_out, "put it into standard.toml, or say there why it is not"
