"""`recbench board RUN --site`, and the commands that the site prints, with the planner that they are meant for."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from planted_suite import suite

import recbench
from recbench.cli import main
from recbench.leaderboard.grid import Grid
from recbench.leaderboard.site.cells import command
from recbench.leaderboard.site.components import Components
from recbench.leaderboard.site.explained import stored_explanations
from recbench.matrix.identity import Circumstances
from recbench.matrix.plan import Plan
from recbench.matrix.run import settle
from recbench.matrix.suite import load_suite
from recbench.plugins import load_plugins
from recbench.store import Store


def plan_of(name: str, **axes: Any) -> Plan:
    return Plan.of(load_suite(name).override(**axes), load_plugins(third_party=False), Circumstances(), {})


@pytest.mark.usefixtures("quick_executor")
def test_the_command_makes_a_site_with_what_the_store_holds(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recbench.run(suite(["Popular"], ["Fills"], ["KeepsAll"]), out="run", jobs=1)
    plan, store = plan_of("./mine.toml"), Store(Path("run"))
    assert stored_explanations(plan, store) == {}
    (attacked,) = (cell for cell in plan.cells if cell.attacker is not None and cell.defense is None)
    settle(plan.recipes.explain(attacked), plan, store)

    assert main(["board", "run", "--out", "tables", "--site"]) == 0
    assert "open tables/site/index.html in a browser" in capsys.readouterr().out
    shard = Path("tables", "site", "data", f"shard-{attacked.id[:2]}.js").read_text()
    found = re.search(r"JSON\.parse\((.*)\);", shard)
    assert found is not None
    cell = json.loads(json.loads(found[1]))[attacked.id]
    assert cell["explained"]["users"] == 26
    assert sum(cell["explained"]["parts"]) == len(cell["explained"]["fakes"]) > 0
    assert Path("tables", "site", "poison", cell["poison"]).is_file()


@pytest.mark.usefixtures("quick_executor")
def test_without_the_option_there_is_no_site(shop: Path) -> None:
    recbench.run(suite(["Popular"], [], []), out="run", jobs=1)
    assert main(["board", "run"]) == 0
    assert not Path("run", "tables", "site").exists()


def test_a_command_of_the_site_plans_the_very_cell() -> None:
    plan = plan_of("quick", datasets=["ml-100k"], recommenders=["bpr-mf"], attackers=["none", "gan"])
    cell = next(each for each in plan.cells if each.attacker and each.defense and each.seed == 1)
    grid = Grid(plan.suite, [{"question": each.question} for each in plan.cells])
    components = Components(grid, [])
    words = shlex.split(command(cell.question, plan.suite, components.references(components.numbers(cell.question))))
    given = dict(zip(words[3::2], words[4::2], strict=True))
    axes = {f"{axis}s": [given[f"--{axis}"]] for axis in ("dataset", "recommender", "attacker", "defense")}
    again = plan_of(words[2], **axes, seeds=int(given["--seeds"]), sizes=[float(given["--size"])])
    assert cell.id in {each.id for each in again.cells}
    assert len(again.cells) < len(plan.cells)
