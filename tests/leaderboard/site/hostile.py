"""Hand-made cells with names, reasons and logs as somebody who means harm would write them."""

from typing import Any

from leaderboard.hand_made import clean, each_seed, failed, suite

HOSTILE = """<img src=x onerror="document.title='owned'"></script><script>document.title='owned'</script>&amp;`${1}`"""
POISON, VERDICT = "ab" * 20, "cd" * 20
SUITE = suite(threat={"sizes": [0.01, 0.03]})


def cells() -> list[dict[str, Any]]:
    """Two recommenders on one data set, three attacks at two sizes, a defense with a hostile name, and a failure."""
    made = [*clean("A", [0.40, 0.42], fit=[1.0, 1.0]), *clean("B", [0.38, 0.39], fit=[2.0, 2.0])]
    made += each_seed("A", gain=[0.02, -0.03], replica=1)
    for size in (0.01, 0.03):
        share = size / 0.03
        made += each_seed("A", "p", gain=[1.0 * share, 2.0 * share], hr10=[0.1, 0.2], ndcg=[0.39, 0.4], size=size)
        made += each_seed("A", "g", gain=[3.0 * share, 1.0 * share], hr10=[0.5, 0.0], ndcg=[0.1, 0.41], size=size)
        made += each_seed("B", "p", gain=[0.5 * share, 0.7 * share], hr10=[0.0, 0.1], ndcg=[0.37, 0.36], size=size)
        made += each_seed("B", "g", gain=[0.4, 0.6], hr10=[0.0, 0.1], ndcg=[0.36, 0.37], size=size)
    made += each_seed("A", "none", HOSTILE, ndcg=[0.40, 0.41])
    made += each_seed("A", "p", HOSTILE, gain=[0.5, 1.0], auc=[0.8, 0.8])
    made += failed(
        each_seed("B", HOSTILE, gain=[0, 0]), status="error", stage="craft", reason=HOSTILE, log="logs/a.log"
    )
    return made
