"""What the site of a large suite costs: time to build it, size and time of its first page, time to sort its cells.

    python benchmarks/leaderboard/synthetic_site.py build FOLDER
    python benchmarks/leaderboard/synthetic_site.py browse FOLDER

`build` writes the site of 21,200 synthetic cells: 4 data sets, 5 split seeds, 10 recommenders, 10 attackers at 2
sizes and 4 defenses, 45 metrics a cell. `browse` opens it in headless Chromium (CHROMIUM, or else chromium on the
path) and prints the median of 5 visits in fresh profiles: `interactive` is from the request of the first page to the
end of DOMContentLoaded, when its tables answer; `sort` is from a click on a header of the table of all cells until the
rows stand in the new order. `CPU` is what the page's main thread spent, charts included, on that; it is the figure to
look at where other programs keep the machine busy.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from recbench.leaderboard.site import write_site
from recbench.matrix.identity import cell_id
from recbench.matrix.suite import Suite

DATASETS, SEEDS, RECOMMENDERS, ATTACKERS, DEFENSES, SIZES = 4, 5, 10, 10, 4, (0.01, 0.03)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
VISITS = 5
INTERACTIVE = "performance.timing.domContentLoadedEventEnd - performance.timing.navigationStart"
READY = "html[data-ready]"
SORT = """() => new Promise((resolve) => {
  const header = document.querySelector("th:nth-child(10)");
  const before = header.getAttribute("aria-sort");
  const started = performance.now();
  const look = () => header.getAttribute("aria-sort") === before
    ? setTimeout(look)
    : requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - started)));
  header.querySelector(".dt-column-order").click();
  look();
})"""


def suite() -> Suite:
    return Suite(
        name="synthetic",
        version="1",
        datasets=tuple(f"data-{number}" for number in range(DATASETS)),
        recommenders=tuple(f"recommender-{number}" for number in range(RECOMMENDERS)),
        attackers=("none", *(f"attacker-{number}" for number in range(ATTACKERS))),
        defenses=("none", *(f"defense-{number}" for number in range(DEFENSES))),
        seeds=SEEDS,
        threat={"sizes": SIZES},
    )


def records() -> list[dict[str, Any]]:
    """A record for each cell of the suite, with numbers drawn at random."""
    rng = np.random.default_rng(0)
    asked = suite()
    attacks = [("none", 0.0), *((name, size) for name in asked.attackers if name != "none" for size in SIZES)]
    places = [(attack, size, defense, 0) for attack, size in attacks for defense in asked.defenses]
    places.append(("none", 0.0, "none", 1))
    return [
        record(str(dataset), seed, str(recommender), *place, rng)
        for dataset in asked.datasets
        for seed in range(SEEDS)
        for recommender in asked.recommenders
        for place in places
    ]


def record(
    dataset: str,
    seed: int,
    recommender: str,
    attacker: Any,
    size: float,
    defense: Any,
    replica: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    def component(name: str) -> dict[str, Any]:
        params = {} if name == "none" else {"dim": 64, "epochs": 50, "lr": 0.01, "weight": 1.0}
        return {"name": name, "version": "1", "params": params}

    question = {
        "dataset": dataset,
        "data": {"version": "1", "params": {}},
        "feedback": "implicit",
        "positive_from": None,
        "kcore": None,
        "split": {"kind": "ratio", "shares": [0.8, 0.1, 0.1]},
        "seed": seed,
        "recommender": component(recommender),
        "attacker": component(attacker),
        "defense": component(defense),
        "size": size,
        "goal": "push",
        "targets": {"strategy": "unpopular", "fraction": 0.2, "count": 5},
        "group": 0,
        "replica": replica,
    }
    metrics = {f"metric-{number}": value for number, value in enumerate(rng.random(42).tolist())}
    metrics |= {"ndcg@10": 0.3 + 0.05 * rng.random(), "recall@20": rng.random(), "rank-gain": rng.normal(2.0)}
    cost = {"wall_seconds": 2.0 * rng.random(), "cpu_seconds": 2.0 * rng.random(), "peak_bytes": 4e8}
    return {
        "cell_id": cell_id(question),
        "build_id": "synthetic",
        "question": question,
        "status": "ok",
        "stage": "",
        "reason": "",
        "log": "",
        "metrics": metrics,
        "cost": {"fit": cost, "craft": cost} if attacker != "none" else {"fit": cost},
        "artifacts": {},
    }


def build(folder: Path) -> None:
    made = records()
    began, cpu = time.perf_counter(), time.process_time()
    write_site(made, suite(), folder)
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    files = sum(path.is_file() for path in folder.rglob("*"))
    print(f"{len(made):,} cells: built in {wall:.1f} s ({cpu:.1f} s of CPU); {files} files, {size / 1e6:.1f} MB")


def browse(folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    loaded: list[int] = []
    visits: dict[str, list[float]] = {"interactive": [], "interactive, CPU": [], "sort": [], "sort, CPU": []}
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=os.environ.get("CHROMIUM", shutil.which("chromium")), args=FLAGS)
        for _ in range(VISITS):
            page = browser.new_context().new_page()
            session = page.context.new_cdp_session(page)
            session.send("Performance.enable", {"timeDomain": "threadTicks"})

            def spent(session: Any = session) -> float:
                metrics = session.send("Performance.getMetrics")["metrics"]
                return 1000 * next(each["value"] for each in metrics if each["name"] == "TaskDuration")

            names: list[str] = []
            page.on("request", lambda request, names=names: names.append(request.url))
            before = spent()
            page.goto(f"{folder.resolve().as_uri()}/index.html")
            page.wait_for_selector(READY, state="attached")
            page.wait_for_selector("figure svg")
            visits["interactive, CPU"].append(spent() - before)
            visits["interactive"].append(page.evaluate(INTERACTIVE))
            loaded.append(sum(Path(name.removeprefix("file://")).stat().st_size for name in names))
            page.goto(f"{folder.resolve().as_uri()}/cells.html")
            page.wait_for_selector(READY, state="attached")
            page.evaluate(SORT)  # the first time, what is sorted by is read
            before = spent()
            visits["sort"].append(page.evaluate(SORT))
            visits["sort, CPU"].append(spent() - before)
        browser.close()
    print(f"first page: {max(loaded) / 1e6:.2f} MB")
    for name, times in visits.items():
        print(f"{name}: {statistics.median(times):.0f} ms, from {min(times):.0f} to {max(times):.0f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["build", "browse"])
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    {"build": build, "browse": browse}[arguments.what](arguments.folder)
