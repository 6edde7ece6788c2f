"""What one cell costs on large data: `python benchmarks/scale/one_cell.py --interactions 10_000_000 --users 200_000`.

Draws a power-law data set, writes it as a Parquet file of a user's own, and computes one cell from it: prepare, craft,
sanitize, the fits of the victim with and without the attack, full ranking of everybody, metrics; or what leads to
`--until`. Prints CPU seconds and peak memory of every stage, or where it broke. Each stage may take up `--memory` GB.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import pandas as pd

from recbench.data.synthetic import power_law
from recbench.matrix.identity import Circumstances
from recbench.matrix.plan import Plan, stored
from recbench.matrix.run import settle
from recbench.matrix.scheduler import Failed
from recbench.matrix.suite import LimitRule, Suite, Threat
from recbench.plugins import load_plugins
from recbench.store import Store

SEED = 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What one cell costs on large data.")
    parser.add_argument("--interactions", type=int, default=10_000_000)
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--recommender", default="bpr-mf[epochs=1]")
    parser.add_argument("--attacker", default="bandwagon")
    parser.add_argument("--defense", default="pca-varselect")
    parser.add_argument("--memory", type=float, default=8.0, help="gigabytes that each stage may take up")
    parser.add_argument("--until", choices=["prepared", "profiles", "verdict", "fit", "metrics"], default="metrics")
    parser.add_argument("--seconds", type=float, default=1800.0, help="that each stage may take")
    return parser.parse_args()


def draw(args: argparse.Namespace, path: Path) -> None:
    """Write the data set."""
    data = power_law(args.users, args.items, args.interactions, SEED)
    pd.DataFrame({"user_id": data.users, "item_id": data.items, "rating": data.ratings}).to_parquet(path)


def main() -> None:
    args = arguments()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "power-law.parquet"
        began = time.process_time()
        draw(args, path)
        line("draw and write", time.process_time() - began, _peak())
        suite = Suite(
            name="scale",
            version="1",
            datasets=(str(path),),
            recommenders=(args.recommender,),
            attackers=(args.attacker,),
            defenses=(args.defense,),
            threat=Threat(sizes=(0.01,)),
            limits=LimitRule(seconds=args.seconds, memory_gb=args.memory),
        )
        began = time.process_time()
        plan = Plan.of(suite, load_plugins(), Circumstances(), {})
        (cell,) = [cell for cell in plan.runnable if cell.attacker is not None and cell.defense is not None]
        line("read and plan", time.process_time() - began, _peak())
        store = Store(Path(folder) / "run")
        last = plan.recipes.evaluate(cell)
        end = settle(last if args.until == "metrics" else last.inputs[args.until], plan, store)
        keys = stored(plan.stages(), store)
        labels = {keys[stage.recipe]: stage.label for stage in reversed(plan.stages()) if stage.recipe in keys}
        for key, label in reversed(labels.items()):
            artifact = store.get(key)
            cost = artifact.meta["measured"]
            line(label, cost["cpu_seconds"], cost["peak_bytes"], artifact.meta.get("removed"))
        if isinstance(end, Failed):
            raise SystemExit(f"broke in {end.stage}: {end.status}: {end.reason}")


def line(what: str, cpu: float, peak: int, removed: int | None = None) -> None:
    """One stage: CPU seconds and peak memory."""
    more = "" if removed is None else f"   {removed:,} users removed"
    print(f"{what[:70]:70} {cpu:8.1f} s {peak / 2**30:6.2f} GiB{more}", flush=True)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
