"""A site of hand-made cells, and the browser to look at it with."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile import HOSTILE, POISON, SUITE, VERDICT, cells

from recbench.leaderboard.site import write_site
from recbench.store import Artifact, Store

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def records() -> list[dict[str, Any]]:
    made = cells()
    for record in made:
        if record["question"]["attacker"]["name"] == "p":
            record["artifacts"] = {"profiles": POISON}
            if record["question"]["defense"]["name"] == HOSTILE:
                record["artifacts"]["verdict"] = VERDICT
    return made


@pytest.fixture(scope="session")
def site(records: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    import numpy as np

    store = Store(tmp_path_factory.mktemp("run"))
    store.put(POISON, Artifact({"indptr": np.array([0, 2]), "items": np.array([4, 1], dtype=np.int32)}))
    store.put(VERDICT, Artifact({"suspicion": np.array([0.1, 0.2, 0.3]), "keep": np.array([True, True, False])}))
    (store.root / "logs").mkdir()
    (store.root / "logs" / "a.log").write_text(f"{'early ' * 1000}\nTraceback: {HOSTILE}\n")
    explained = next(each for each in records if each["question"]["attacker"]["name"] == "p")["cell_id"]
    explanation = {
        "parts": [1, 2],
        "influence": [0.4, -0.1],
        "genuine": [[0, 0], [1, 1]],
        "fakes": [[0.5, 2]],
        "users": 2,
    }
    folder = tmp_path_factory.mktemp("tables") / "site"
    environment = {"python": "3.11", "processor": HOSTILE, "packages": {"numpy": "2"}, "git": None}
    write_site(records, SUITE, folder, store=store, environment=environment, explanations={explained: explanation})
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, where there is one."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        pytest.skip("no Chromium: 'apt-get install chromium', or name its executable in CHROMIUM")
    api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install -e '.[dev]'")
    with api.sync_playwright() as play:
        started = play.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()
