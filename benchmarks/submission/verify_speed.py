"""How many cells a second verification takes, without running any of them again.

    python benchmarks/submission/verify_speed.py BUNDLE [--level reported|recomputed] [--repeat 5]

BUNDLE is a file of `recbench submit`; `reported` reads and hashes everything in it. Start and imports are left out,
which are paid once, whatever the number of bundles. Prints the best of the repetitions, wall and CPU.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from recbench.plugins import load_plugins
from recbench.submission.verify import verify


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--level", choices=["reported", "recomputed"], default="reported")
    parser.add_argument("--repeat", type=int, default=5)
    chosen = parser.parse_args()
    plugins = load_plugins()
    seconds, cpu = [], []
    for _ in range(chosen.repeat):
        wall, used = time.perf_counter(), time.process_time()
        report = verify(chosen.bundle, lambda: plugins, chosen.level)
        seconds.append(time.perf_counter() - wall)
        cpu.append(time.process_time() - used)
        if report.badge != chosen.level:
            raise SystemExit(f"the bundle is {report.badge}: {[str(each) for each in report.refusals[:3]]}")
    cells, size = report.cells, chosen.bundle.stat().st_size
    print(f"{chosen.level}: {cells} cells, {size:,} bytes")
    print(f"  {cells / min(seconds):8.0f} cells a second, wall")
    print(f"  {cells / min(cpu):8.0f} cells a second, CPU")


if __name__ == "__main__":
    main()
