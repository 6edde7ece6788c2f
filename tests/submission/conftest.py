"""Two runs, packed: planted components on a user's own data, and standard plugins on filmtrust."""

from pathlib import Path

import pytest
from planted_suite import InThisProcess, open_shop, suite

import recbench
from recbench.plugins import Plugins, load_plugins
from recbench.submission.pack import pack

FILMS = """
name = "films"
version = "1"
datasets = ["filmtrust"]
recommenders = ["popularity"]
attackers = ["random", "popular"]
defenses = ["pca-varselect"]
metrics = ["attack", "ranking", "detection"]
seeds = 1
"""


@pytest.fixture(scope="session")
def plugins() -> Plugins:
    return load_plugins(third_party=False)


@pytest.fixture(scope="session")
def shop_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cells that are ok, skipped and failed."""
    folder = tmp_path_factory.mktemp("shop")
    open_shop(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("recbench.matrix.run.LocalExecutor", InThisProcess)
        name = suite(["Popular[weight=1.0|2.0]", "Breaks"], ["Fills"], ["KeepsAll", "NeedsSequence"])
        return folder / recbench.run(name, jobs=1).folder


@pytest.fixture(scope="session")
def shop(shop_run: Path, plugins: Plugins) -> Path:
    """The bundle of it. Its data set is nobody else's, so it can be no more than reported."""
    bundle = shop_run.with_name("shop.zip")
    pack(shop_run, bundle, plugins)
    return bundle


@pytest.fixture(scope="session")
def films(mirror: Path, tmp_path_factory: pytest.TempPathFactory, plugins: Plugins) -> Path:
    """The bundle of a run that others can repeat."""
    folder = tmp_path_factory.mktemp("films")
    (folder / "films.toml").write_text(FILMS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECBENCH_MIRROR", str(mirror))
        patch.setattr("recbench.matrix.run.LocalExecutor", InThisProcess)
        run = recbench.run(folder / "films.toml", folder / "run", jobs=1).folder
    pack(run, folder / "films.zip", plugins, "Ours", "As it is.")
    return folder / "films.zip"
