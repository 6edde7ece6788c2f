"""What needs no browser: the files of a site and the values in them."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile import HOSTILE, POISON, SUITE
from leaderboard.hand_made import clean, each_seed, record, suite

from recbench.component import Component
from recbench.contracts import Profiles
from recbench.errors import DataError
from recbench.leaderboard.boards import boards
from recbench.leaderboard.grid import Grid
from recbench.leaderboard.render import Board, Column
from recbench.leaderboard.site import write_site
from recbench.leaderboard.site.cells import cells, command
from recbench.leaderboard.site.charts import charts
from recbench.leaderboard.site.components import Components
from recbench.leaderboard.site.explained import SHOWN, explanation
from recbench.leaderboard.site.policy import CHART_STYLE
from recbench.leaderboard.site.script import script, shortened
from recbench.leaderboard.site.tables import sections_of, table
from recbench.specs import parse
from recbench.store import Artifact, Store


def value_of(file: Path) -> Any:
    """What a script of data holds."""
    found = re.fullmatch(r'\(window\.recbench \?\?= \{\}\)\["[^"]+"\] = JSON\.parse\((".*")\);\n', file.read_text())
    assert found is not None
    return json.loads(json.loads(found[1]))


def test_a_script_gives_back_its_value_and_holds_no_tag(tmp_path: Path) -> None:
    value = {"__proto__": [HOSTILE, "\u2028", 0.1, None], "<b>": 1}
    (tmp_path / "x.js").write_bytes(script("x", value))
    assert value_of(tmp_path / "x.js") == value
    assert b"<" not in script("x", value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(DataError, match="cells of the site"):
        script("cells", [value])


@pytest.mark.parametrize(
    ("value", "short"), [(0.123456789, 0.123457), (2.0, 2), (1e-9, 1e-9), (-1234567.8, -1234570), (1e300, 1e300)]
)
def test_six_digits_are_kept(value: float, short: float) -> None:
    assert shortened(value) == short


def test_every_page_states_the_same_strict_policy(site: Path) -> None:
    pages = sorted(site.glob("*.html"))
    assert [page.name for page in pages] == ["cell.html", "cells.html", "index.html", "plugin.html"]
    for page in pages:
        text = page.read_text()
        (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
        assert "default-src &#39;none&#39;" in policy
        assert "unsafe" not in policy
        assert text.index("Content-Security-Policy") < text.index("<script")


def test_pages_name_only_files_that_are_there_and_no_handlers(site: Path) -> None:
    for page in site.glob("*.html"):
        text = page.read_text()
        named = re.findall(r'(?:src|href)="([^"#]+)"', text)
        assert len(named) > 8
        assert [name for name in named if not (site / name).is_file()] == []
        assert re.findall(r"<[^<>]*(?:\son\w+=|style=|://)|<script>|<img", text) == []


def test_the_style_that_is_allowed_is_the_one_that_plot_writes(site: Path) -> None:
    library = (site / "assets" / "vendor" / "plot.umd.min.js").read_text()
    written = re.findall(r'append\("style"\)\.text\(`(:where\(\.\$\{\w+\}\) .*?)`', library)
    assert [re.sub(r"\$\{\w+\}", "chart", text.replace("\\n", "\n")) for text in written] == [CHART_STYLE]


def test_the_libraries_are_the_ones_that_were_checked_and_keep_their_licences(site: Path) -> None:
    import hashlib

    import recbench.leaderboard.site as package

    sums = (Path(package.__file__).parent / "assets" / "vendor" / "SHA256SUMS").read_text().split()
    expected = {name.removeprefix("./"): digest for digest, name in zip(sums[::2], sums[1::2], strict=True)}
    vendor = site / "assets" / "vendor"
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in vendor.glob("*.js")} == expected
    assert len(list(vendor.glob("LICENSE-*"))) == len(expected)


def test_the_first_page_and_all_that_it_loads_are_under_a_megabyte(site: Path) -> None:
    named = re.findall(r'(?:src|href)="([^"#]+\.(?:js|css|svg))"', (site / "index.html").read_text())
    assert sum((site / name).stat().st_size for name in [*named, "index.html"]) < 1e6


def test_each_cell_is_in_the_shard_that_its_id_begins_with(site: Path, records: list[dict[str, Any]]) -> None:
    details = value_of(site / "data" / "details.js")
    for each in records:
        cell = value_of(site / "data" / f"shard-{each['cell_id'][:2]}.js")[each["cell_id"]]
        assert cell["status"] == each["status"]
        metrics = {details["metrics"][number]: value for number, value in cell["metrics"]}
        assert metrics == pytest.approx(each["metrics"], rel=1e-5)
    assert len(value_of(site / "data" / "cells.js")) == len(records)


def test_a_log_is_shown_by_its_end(site: Path, records: list[dict[str, Any]]) -> None:
    failure = next(each for each in records if each["status"] == "error")
    log = value_of(site / "data" / f"shard-{failure['cell_id'][:2]}.js")[failure["cell_id"]]["log"]
    assert log.endswith(f"Traceback: {HOSTILE}\n")
    assert len(log) == 4000


def test_a_record_cannot_show_a_file_outside_of_its_run(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    store = Store(tmp_path / "run")
    grid = Grid(suite(), [record("A", status="error", log="../secret")])
    found = cells(grid.records, grid.suite, grid.effect, Components(grid, []), store)
    assert [cell["log"] for shard in found.shards.values() for cell in shard.values()] == [""]


def test_a_cell_id_that_is_no_file_name_is_refused() -> None:
    grid = Grid(suite(), [record("A") | {"cell_id": "../../x"}])
    with pytest.raises(DataError, match="cell_id"):
        cells(grid.records, grid.suite, grid.effect, Components(grid, []))


def test_poison_can_be_kept_and_read_again(site: Path, records: list[dict[str, Any]]) -> None:
    profiles = Profiles.load(site / "poison" / f"{POISON}.npz")
    assert profiles.items.tolist() == [4, 1]
    with_poison = next(each for each in records if each.get("artifacts"))["cell_id"]
    assert value_of(site / "data" / f"shard-{with_poison[:2]}.js")[with_poison]["poison"] == f"{POISON}.npz"


def test_poison_that_was_cleared_away_is_not_offered(tmp_path: Path) -> None:
    made = [each | {"artifacts": {"profiles": POISON}} for each in clean("A", [0.4, 0.4])]
    write_site(made, suite(), tmp_path / "site", store=Store(tmp_path / "run"))
    cell = value_of(tmp_path / "site" / "data" / f"shard-{made[0]['cell_id'][:2]}.js")[made[0]["cell_id"]]
    assert cell["poison"] is None
    assert list((tmp_path / "site" / "poison").iterdir()) == []


def test_a_second_site_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    write_site(clean("A", [0.4, 0.4]), suite(), tmp_path)
    first = {path.name for path in (tmp_path / "data").glob("shard-*")}
    write_site(clean("B", [0.4, 0.4]), suite(), tmp_path)
    assert {path.name for path in (tmp_path / "data").glob("shard-*")}.isdisjoint(first)


def test_a_command_asks_for_the_very_components_of_the_cell() -> None:
    params = {"dim": 64, "surrogate": "it's", "shares": [0.5, 0.5]}
    one = record("A", "p", seed=1, params=params)
    grid = Grid(suite(), [one])
    components = Components(grid, [])
    words = shlex.split(command(one["question"], SUITE, components.references(components.numbers(one["question"]))))
    given = dict(zip(words[3::2], words[4::2], strict=True))
    (spec,) = parse(given["--recommender"])
    assert (words[:3], spec.name, dict(spec.params)) == (["recbench", "run", "hand-made"], "A", params)
    assert given | {"--recommender": "", "--out": ""} == {
        "--dataset": "d",
        "--recommender": "",
        "--attacker": "p",
        "--defense": "none",
        "--size": "0.03",
        "--seeds": "2",
        "--out": "",
    }


def test_a_component_says_what_its_plugin_says_and_else_nothing() -> None:
    grid = Grid(suite(), clean("A", [0.4, 0.4]))
    offered = Component("dataset", "d", "module:Class", summary="A data set.", reference="Somebody, 2020")
    found = {each["axis"]: each for each in Components(grid, [offered]).document}
    assert found["dataset"]["about"]["summary"] == "A data set."
    assert found["recommender"]["about"] is None
    assert found["attacker"]["none"]


def test_boards_of_any_kind_become_tables() -> None:
    rows = [{"name": "one"}, {"name": "two"}]
    made = Board("b", "B", dict, rows, [Column("name", lambda row: row["name"], words=True)], ["f"], lambda row: "all")
    assert sections_of([made]) == {}
    assert table(made)["sections"] == [{"heading": "all", "rows": [["one"], ["two"]]}]


def test_charts_hold_the_numbers_of_the_boards_and_holes_for_what_failed() -> None:
    records = [
        *clean("A", [0.40, 0.42]),
        *clean("B", [0.39, 0.39]),
        *each_seed("A", "p", gain=[1.0, 2.0]),
        *each_seed("A", "g", gain=[3.0, 1.0]),
        *each_seed("B", "p", gain=[0.5, 0.7]),
    ]
    grid = Grid(suite(), records)
    made = boards(grid)
    (chart,) = charts(grid, made, sections_of(made))
    assert [(point["label"], point["utility"], point["front"]) for point in chart["scatter"]] == [("A", 0.41, True)]
    assert chart["heat"]["victims"] == ["A", "B"]
    assert dict(zip(chart["heat"]["attackers"], chart["heat"]["values"], strict=True)) == {
        "p": [1.5, 0.6],
        "g": [2.0, None],
    }
    assert chart["curves"] == []


def test_a_suite_of_several_sizes_has_budget_curves(records: list[dict[str, Any]]) -> None:
    grid = Grid(SUITE, records)
    made = boards(grid)
    first, second = charts(grid, made, sections_of(made))
    assert first["curves"] == second["curves"]
    assert [(point["size"], point["gain"]) for point in first["curves"] if point["label"] == "p"] == [
        (0.01, pytest.approx((0.5 + 0.2) / 2)),
        (0.03, pytest.approx((1.5 + 0.6) / 2)),
    ]


def test_an_explanation_keeps_all_fakes_and_thins_the_genuine_users() -> None:
    n, m = SHOWN + 500, 3
    plane = np.arange(2 * (n + m), dtype=np.float32).reshape(-1, 2)
    found = explanation(Artifact({"part": np.array([0, 0, 1]), "influence": np.array([0.5, 1.5]), "plane": plane}))
    assert (found["parts"], found["influence"], found["users"]) == ([2, 1], [0.5, 1.5], n)
    assert found["fakes"] == plane[n:].tolist()
    assert len(found["genuine"]) == SHOWN
    assert (found["genuine"][0], found["genuine"][-1]) == (plane[0].tolist(), plane[n - 1].tolist())
