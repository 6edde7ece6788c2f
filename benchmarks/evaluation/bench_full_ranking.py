"""Full-ranking evaluation of a factor model: recbench against implicit's compiled top-k, one thread each.

    python benchmarks/evaluation/bench_full_ranking.py --peer PYTHON_WITH_IMPLICIT

Both sides read the same factors, mask the same training items and must agree on NDCG. Each runs in a
process of its own, one after the other. Peak memory includes the factors and the matrices.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import load, report

HERE = Path(__file__).parent


def write_input(path: Path, n_users: int, n_items: int, dim: int) -> None:
    """Random factors; each user has about 40 random training items and 10 test items that it tends to score high."""
    rng = np.random.default_rng(0)
    users = rng.standard_normal((n_users, dim), dtype=np.float32)
    items = rng.standard_normal((n_items, dim), dtype=np.float32)
    parts: dict[str, list[np.ndarray]] = {"train": [], "test": []}
    for rows in np.array_split(users, max(1, n_users // 500)):
        drawn = np.argpartition(rng.random((len(rows), n_items), dtype=np.float32), 400, axis=1)[:, :400].copy()
        train, rest = drawn[:, :40], drawn[:, 40:]
        scores = np.einsum("ud,uid->ui", rows, items[rest])
        parts["train"].append(train)
        parts["test"].append(np.take_along_axis(rest, np.argsort(-scores, axis=1)[:, :10], axis=1))
    arrays = {"users": users, "items": items}
    for part, blocks in parts.items():
        lists = np.concatenate(blocks)
        arrays[f"{part}_items"] = np.sort(lists, axis=1).ravel().astype(np.int32)
        arrays[f"{part}_indptr"] = np.arange(0, lists.size + 1, lists.shape[1], dtype=np.int32)
    np.savez(path, **arrays)


def evaluate(path: Path, k: int, repeats: int) -> None:
    """recbench's part."""
    from recbench.data.interactions import Histories
    from recbench.evaluation.audience import Audience
    from recbench.evaluation.quality import Relevance, ndcg
    from recbench.evaluation.ranking import rank

    users, items, train, test = load(path)

    class Factors:
        def score(self, ids: np.ndarray) -> np.ndarray:
            return users[ids] @ items.T

    consumed, relevant = (Histories(part.indptr.astype(np.int64), part.indices) for part in (train, test))
    everybody = Audience.shuffled(np.arange(len(users)), len(users), seed=0)
    targets = {"no target": np.zeros(0, np.int64), "5 targets": np.arange(5)}

    def quality(name: str) -> float:
        top = rank(Factors(), everybody, consumed, len(items), targets[name], k, seed=0).top
        return float(ndcg(Relevance.of(top, relevant), k).mean())

    for name in targets:
        report(f"recbench, {name}", lambda name=name: quality(name), repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", help="a Python interpreter with implicit; without it only recbench is timed")
    parser.add_argument("--users", type=int, default=50_000)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("-k", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3, help="the best of so many counts")
    # For the children. A process starts with the peak memory of its parent, so the parent does nothing large.
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--evaluate", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.write:
        return write_input(args.write, args.users, args.items, args.dim)
    if args.evaluate:
        return evaluate(args.evaluate, args.k, args.repeats)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input.npz"
        own = [sys.executable, __file__, *sys.argv[1:]]
        subprocess.run([*own, "--write", str(path)], check=True)
        commands = [[*own, "--evaluate", str(path)]]
        if args.peer:
            commands.append(
                [args.peer, str(HERE / "implicit_full_ranking.py"), str(path), str(args.k), str(args.repeats)]
            )
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        rows = []
        for command in commands:
            run = subprocess.run(command, env=os.environ | one_thread, stdout=subprocess.PIPE, text=True, check=True)
            rows += [json.loads(line) for line in run.stdout.splitlines()]

    size = f"{args.users:,} users × {args.items:,} items × {args.dim} factors"
    print(f"{size}, top-{args.k} and NDCG@{args.k}, one thread, best of {args.repeats}")
    print(f"{'':24}{'CPU s':>8}{'wall s':>8}{'ratio':>8}{'peak MiB':>10}{'NDCG':>10}")
    for row in rows:
        ratio = row["cpu"] / rows[0]["cpu"]
        print(f"{row['side']:24}{row['cpu']:8.2f}{row['wall']:8.2f}{ratio:8.2f}{row['peak']:10.0f}{row['ndcg']:10.6f}")


if __name__ == "__main__":
    main()
