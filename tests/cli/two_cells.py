"""Records of a suite of two cells: a recommender, and what one attack does to it."""

from recbench.matrix.identity import cell_id
from recbench.matrix.suite import Suite

SUITE = Suite(name="two", version="1", datasets=("d",), recommenders=("A",), attackers=("p",), mandatory=("p",))


def cell(attacker: str, gain: float, status: str = "ok") -> dict[str, object]:
    none = {"name": "none", "version": "1", "params": {}}
    question = {
        "dataset": "d",
        "data": {"version": "1", "params": {}},
        "seed": 0,
        "recommender": none | {"name": "A"},
        "attacker": none | {"name": attacker},
        "defense": none,
        "size": 0.0 if attacker == "none" else 0.03,
        "group": 0,
        "replica": 0,
    }
    outcome = {"status": status, "stage": "", "reason": "", "metrics": {"ndcg@10": 0.4, "rank-gain": gain}, "cost": {}}
    return {"cell_id": cell_id(question), "build_id": "now", "question": question} | outcome


CELLS = [cell("none", 0.0), cell("p", 1.0)]
