"""Whether a matrix came out alike on two devices: `python benchmarks/throughput/agree.py RUN RUN`.

Sums are added up in another order on another device, so numbers differ; which cells are ok must not, and the quality of
a recommender over its cells may differ by little.
"""

import sys

from recbench.leaderboard.grid import UTILITY
from recbench.results import MISSING, Results

TOLERANCE = 0.01


def main() -> None:
    """Print what differs; fails where it differs too much."""
    one, other = (Results.read(folder).to_pandas().set_index("cell_id") for folder in sys.argv[1:3])
    both = one.merge(other, on="cell_id", suffixes=("", "_other"))
    absent = int((both[["status", "status_other"]] == MISSING).any(axis=1).sum())
    differing = both[both["status"] != both["status_other"]]
    for row in differing.itertuples():
        print(
            f"{row.recommender} × {row.attacker} × {row.defense}: {row.status}, and {row.status_other}: "
            f"{row.reason or row.reason_other}"
        )
    means = both.groupby("recommender")[[UTILITY, f"{UTILITY}_other", "seconds", "seconds_other"]].mean()
    print(means.to_string(float_format=lambda value: f"{value:.4f}"))
    apart = (means[UTILITY] - means[f"{UTILITY}_other"]).abs().max()
    print(f"{len(both)} cells; {UTILITY} at most {apart:.4f} apart")
    if absent:
        raise SystemExit(f"{absent} cells were not computed on both devices")
    if len(differing) or not apart < TOLERANCE:
        raise SystemExit("the devices disagree")


if __name__ == "__main__":
    main()
