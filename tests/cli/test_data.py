import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recbench.cli.data import data_app
from recbench.component import Component
from recbench.errors import PluginError
from recbench.plugins import PluginRow, Plugins

DATASETS = (
    Component("dataset", "ml-100k", "recbench_plugins.datasets.ml_100k:MovieLens100K"),
    Component("dataset", "filmtrust", "recbench_plugins.datasets.filmtrust:FilmTrust"),
)


def run(*arguments: str, datasets: tuple[Component, ...] = DATASETS) -> Result:
    plugins = Plugins((PluginRow("standard", "recbench", "0", components=datasets),))
    return CliRunner().invoke(data_app, list(arguments), obj=lambda: plugins)


@pytest.fixture(autouse=True)
def surroundings(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache and a mirror that can be spoiled."""
    monkeypatch.setenv("RECBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RECBENCH_MIRROR", str(tmp_path / "mirror"))
    for name in ("ml-100k/u.data", "ml-100k/u.item", "filmtrust/ratings.txt"):
        (tmp_path / "mirror" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(mirror / name, tmp_path / "mirror" / name)
    return tmp_path / "mirror"


def columns(result: Result) -> dict[str, list[str]]:
    return {line.split()[0]: line.split() for line in result.stdout.splitlines()[2:]}


def test_list_tells_sizes_licence_and_what_is_cached() -> None:
    assert run("fetch", "filmtrust").exit_code == 0
    table = columns(run("list"))
    assert table["filmtrust"][1:5] == ["1,508", "2,071", "35,494", "yes"]
    assert table["ml-100k"][1:6] == ["943", "1,682", "100,000", "no", "GroupLens:"]


def test_what_is_not_published_is_a_question_mark() -> None:
    mind = Component("dataset", "mind-small", "recbench_plugins.datasets.mind_small:MINDSmall")
    assert columns(run("list", datasets=(mind,)))["mind-small"][1:5] == ["?", "?", "?", "no"]
    assert "? users, ? items, ? interactions" in run("info", "mind-small", datasets=(mind,)).stdout


def test_list_goes_on_past_a_data_set_that_cannot_be_imported() -> None:
    result = run("list", datasets=(Component("dataset", "broken", "no_such_module:Thing"), *DATASETS))
    assert result.exit_code == 0
    assert set(columns(result)) == {"filmtrust", "ml-100k"}
    assert "broken" in result.stderr


def test_list_of_nothing_is_an_empty_table() -> None:
    assert run("list", datasets=()).exit_code == 0


def test_info_tells_licence_citation_and_traps() -> None:
    text = run("info", "filmtrust").stdout
    for part in ("no licence text", "IJCAI 2013", "3 repeat a (user, item) pair", "0.5 to 4 in steps of 0.5"):
        assert part in text
    assert "recbench data fetch filmtrust" in text


def test_fetch_fills_the_cache_and_says_where(tmp_path: Path) -> None:
    result = run("fetch", "ml-100k", "filmtrust")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first.startswith("ml-100k: Interactions(100,000 explicit, 943 users, 1,682 items) in ")
    assert (Path(second.rpartition(" in ")[2]) / "ratings.txt").is_file()
    assert str(tmp_path / "cache") in run("info", "ml-100k").stdout


def test_fetch_goes_on_past_a_data_set_that_fails(surroundings: Path, publisher_is_away: None, tmp_path: Path) -> None:
    (surroundings / "filmtrust" / "ratings.txt").write_text("1 1 1\n")
    result = run("fetch", "filmtrust", "ml-100k")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: cannot fetch filmtrust")
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout.startswith("ml-100k: ")
    assert not list((tmp_path / "cache").rglob("ratings.txt"))


@pytest.fixture
def publisher_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every https request goes to a proxy that nobody runs."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")


def test_an_unknown_name_is_met_with_the_nearest_one() -> None:
    result = run("fetch", "filmtrust", "ml-100")
    assert isinstance(result.exception, PluginError)
    assert "did you mean 'ml-100k'?" in str(result.exception)
