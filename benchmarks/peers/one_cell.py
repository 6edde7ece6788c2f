"""One cell on ml-100k, matrix factorization under 1% of random fakes: recbench's against RecAD's, one thread each.

    python benchmarks/peers/one_cell.py [--runs 3]

Installs RecAD from the package index into an environment of its own, outside the repository, with the torch and NumPy
of recbench. Both sides get the same split (80/10/10 a user, every rating a positive), the same target item and fakes
as many and as long; both train, attack, train again and evaluate, and take turns. recbench has two more things to do:
a clean twin for the noise floor, and the tables of the run. `command` is the whole process tree from start to end,
`work` is what is between reading the data and having the metrics, without the twin. Clean quality is judged by the
same code: NDCG@10 and recall@10 of the test part, all items ranked that are in neither of the two others.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tabulate import tabulate

from recbench.evaluation.audience import Audience
from recbench.evaluation.quality import Relevance, ndcg, recall
from recbench.evaluation.ranking import rank
from recbench.matrix.prepared import PARTS, Prepared
from recbench.results import Results
from recbench.store import Store

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PEER = "recad==0.0.2"
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
CUT = 10
POSITIVE = 5
"""The rating that every interaction is given for RecAD: what it keeps of genuine users and of fakes alike."""

SUITE = """
name = "one-cell"
version = "1"
datasets = ["ml-100k"]
feedback = "implicit"
recommenders = ["{recommender}"]
attackers = ["random"]
seeds = 1

[split]
kind = "ratio"
shares = [0.8, 0.1, 0.1]

[threat]
sizes = [0.01]

[threat.targets]
count = 1
"""


@dataclass(frozen=True)
class Run:
    """What one run of a cell cost and gave.

    Args:
        command: CPU and wall seconds of the whole process tree.
        work: CPU seconds of the cell alone.
        peak: of the largest process, bytes.
        quality: NDCG and recall of the clean model.
    """

    command: tuple[float, float]
    work: float
    peak: int
    quality: tuple[float, float]


def run_alone(command: list[str], folder: Path) -> tuple[tuple[float, float], int, str]:
    """CPU and wall seconds, peak bytes and output of a command with one thread."""
    start = time.perf_counter()
    with (folder / "stderr.txt").open("w") as complaints:
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ | THREADS, stdout=subprocess.PIPE, stderr=complaints, text=True
        )
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed:\n{(folder / 'stderr.txt').read_text()[-2000:]}")
    return (usage.ru_utime + usage.ru_stime, time.perf_counter() - start), usage.ru_maxrss * 1024, output


def run_recbench(folder: Path, recommender: str) -> tuple[Run, Prepared]:
    """The cell by `recbench run`, and the data that it prepared."""
    (folder / "cell.toml").write_text(SUITE.format(recommender=recommender))
    recbench = str(Path(sys.executable).parent / "recbench")
    spent, peak, _ = run_alone([recbench, "run", "./cell.toml", "--jobs", "1", "--out", "run"], folder)
    records = Results.read(folder / "run").records
    clean, attacked = (
        next(record for record in records if record["question"]["attacker"]["name"] == name)
        for name in ("none", "random")
    )
    if {clean["status"], attacked["status"]} != {"ok"}:
        raise SystemExit(f"recbench's cell failed: {attacked['reason'] or clean['reason']}")
    assert clean["question"]["replica"] == 0
    prepared = Store(folder / "run").get(attacked["artifacts"]["prepared"])
    costs = [prepared.meta["measured"], *clean["cost"].values(), *attacked["cost"].values()]
    quality = (clean["metrics"][f"ndcg@{CUT}"], clean["metrics"][f"recall@{CUT}"])
    return Run(spent, sum(cost["cpu_seconds"] for cost in costs), peak, quality), Prepared.of(prepared)


def write_for_recad(prepared: Prepared, folder: Path) -> None:
    """The three parts as RecAD reads them."""
    for part, name in zip(PARTS, ("train", "valid", "test"), strict=True):
        data = getattr(prepared.split, part)
        stamps = np.zeros(len(data)) if data.timestamps is None else data.timestamps
        columns = {"user_id": data.users, "item_id": data.items, "rating": POSITIVE, "timestamp": stamps}
        pd.DataFrame(columns).to_csv(folder / f"{name}.csv", index=False)


def run_recad(python: str, prepared: Prepared, folder: Path, epochs: int, seed: int) -> Run:
    """The cell by RecAD's workflow."""
    train = prepared.train
    options = {
        "epochs": epochs,
        "fakes": round(0.01 * train.n_users),
        "fillers": round(len(train) / train.n_users) - 1,
        "target": int(prepared.targets[0, 0]),
        "seed": seed,
    }
    command = [python, str(HERE / "recad_cell.py"), str(folder)]
    command += [part for name, value in options.items() for part in (f"--{name}", str(value))]
    spent, peak, output = run_alone(command, folder)
    return Run(spent, json.loads(output)["cpu"], peak, judged(np.load(folder / "scores.npy"), prepared))


def judged(scores: np.ndarray, prepared: Prepared) -> tuple[float, float]:
    """NDCG and recall of a matrix of scores on the test part."""
    n_users, n_items = scores.shape

    class Scores:
        def score(self, users: np.ndarray) -> np.ndarray:
            return scores[users]

    audience = Audience.shuffled(np.arange(n_users), n_users, 0)
    ranking = rank(Scores(), audience, prepared.consumed, n_items, np.zeros(0, np.int64), CUT, 0)
    relevance = Relevance.of(ranking.top, prepared.split.test.histories)
    return float(ndcg(relevance, CUT).mean()), float(recall(relevance, CUT).mean())


def installed(environment: Path) -> str:
    """The Python of an environment with the peer, made where it is missing."""
    python = environment / "bin" / "python"
    if not list(environment.glob("lib/*/site-packages/recad")):
        venv.create(environment, with_pip=True, clear=True)
        constraints = ["-c", str(ROOT / "constraints.txt")]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *constraints, PEER, "numpy"], check=True)
    return str(python)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recommender", default="bpr-mf[epochs=10]", help="recbench's side, as in a suite")
    parser.add_argument("--epochs", type=int, default=20, help="of RecAD's matrix factorization")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--environment", type=Path, default=Path(tempfile.gettempdir()) / "recbench-peer-recad", help="of the peer"
    )
    args = parser.parse_args()
    python = installed(args.environment)
    runs: dict[str, list[Run]] = {"recbench": [], "RecAD": []}
    for seed in range(args.runs):
        with tempfile.TemporaryDirectory() as name:
            run, prepared = run_recbench(Path(name), args.recommender)
            runs["recbench"].append(run)
            write_for_recad(prepared, Path(name))
            runs["RecAD"].append(run_recad(python, prepared, Path(name), args.epochs, seed))
        for side, (*_, last) in runs.items():
            print(f"run {seed}: {side}: {last}", file=sys.stderr, flush=True)

    columns: dict[str, Callable[[Run], float]] = {
        "work, CPU s": lambda run: run.work,
        "command, CPU s": lambda run: run.command[0],
        "command, wall s": lambda run: run.command[1],
        "peak, MiB": lambda run: run.peak / 2**20,
        f"NDCG@{CUT}": lambda run: run.quality[0],
        f"recall@{CUT}": lambda run: run.quality[1],
    }
    print(
        tabulate(
            [[side, *(spread(map(value, counted)) for value in columns.values())] for side, counted in runs.items()],
            ["", *columns],
        )
    )
    for what in ("work, CPU s", "command, CPU s"):
        ours, theirs = (statistics.median(map(columns[what], runs[side])) for side in ("recbench", "RecAD"))
        print(f"{what}: RecAD needs {theirs / ours:.1f} times as many")


def spread(values: Iterable[float]) -> str:
    """The median and the range."""
    known = sorted(values)
    return f"{statistics.median(known):.4g} [{known[0]:.4g}, {known[-1]:.4g}]"


if __name__ == "__main__":
    main()
