"""Stage `perturb`, on ml-100k and in this process; and cells with it, planned and run on a small shop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planted_suite import InThisProcess, open_shop

from recbench.contracts import BudgetViolation, KnowledgeViolation, RuleViolation
from recbench.errors import DataError, RecbenchError
from recbench.matrix.choices import Resolver
from recbench.matrix.fit import fit
from recbench.matrix.identity import Circumstances
from recbench.matrix.perturb import added_of, perturb
from recbench.matrix.plan import Plan
from recbench.matrix.prepared import Prepared
from recbench.matrix.profile import profile
from recbench.matrix.run import run_plan
from recbench.matrix.suite import load_suite
from recbench.plugins import Plugins
from recbench.store import Artifact, Store
from recbench.submission.pack import pack

PLANTED = Path(__file__).with_name("planted_perturbers.py")
COMMON = {"dataset": "ml-100k", "seed": 0, "device": "cpu", "threads": 1}
FACTORS = "bpr-mf[dim=4,epochs=1]"

Perturb = Callable[..., tuple[Artifact, Artifact]]


@pytest.fixture(scope="module")
def perturbed(plugins: Plugins, artifact: Artifact) -> Perturb:
    """The fits of a victim without and with an attack on it."""

    def described(kind: Any, name: str) -> dict[str, Any]:
        reference = f"{PLANTED}:{name}" if name[0].isupper() else name
        (choice,) = Resolver(plugins).choices(kind, [reference])
        return choice.spec | {"knowledge": sorted(choice.component.knowledge)}

    def perturbed(victim: str, attack: str, **changes: Any) -> tuple[Artifact, Artifact]:
        arguments: Mapping[str, Any] = COMMON | {"recommender": described("recommender", victim), "training": None}
        fitted = fit({**arguments, "replica": 0}, {"prepared": artifact})
        attacked = {"attacker": described("attacker", attack), "size": 0.05, "goal": "push", "group": 0}
        return fitted, perturb({**arguments, **attacked, **changes}, {"prepared": artifact, "fit": fitted})

    return perturbed


def _same(one: Artifact, other: Artifact) -> bool:
    return all(np.array_equal(one.arrays[name], other.arrays[name]) for name in other.arrays)


def test_an_attack_that_changes_nothing_leaves_every_list_as_it_was(perturbed: Perturb) -> None:
    assert _same(*perturbed("Reads", "AddsNothing"))
    assert _same(*perturbed(FACTORS, "Scales[share=0.0]"))


def test_what_is_read_last_decides_and_added_items_stay_candidates(perturbed: Perturb, prepared: Prepared) -> None:
    clean, attacked = perturbed("Reads", "LeadsTo")
    target = int(prepared.targets[0][0])
    before = (target - 1) % prepared.train.n_items
    users = np.arange(prepared.train.n_users)
    reached = ~prepared.train.contains(users, np.array(before)) & (attacked.arrays["target_ranks"][:, 0] > 0)
    assert reached.sum() > 800
    assert (attacked.arrays["target_ranks"][reached, 0] == 1).all()
    assert np.array_equal(attacked.arrays["candidates"], clean.arrays["candidates"])
    # What was added comes after all others for its reader, and can still be recommended.
    assert not (attacked.arrays["top"] == before)[reached].any()


def test_the_budget_of_an_evasion_is_a_share_of_each_history_and_at_least_one_item() -> None:
    assert added_of(0.05, np.array([0, 1, 29, 30, 200])).tolist() == [1, 1, 1, 2, 10]


def test_what_is_over_the_budget_is_refused_and_nothing_is_clipped(perturbed: Perturb) -> None:
    with pytest.raises(BudgetViolation, match="items are added to history"):
        perturbed("Reads", "AddsTooMuch")
    with pytest.raises(BudgetViolation, match="of 'users' is moved by"):
        perturbed(FACTORS, "Scales[share=0.06]")
    with pytest.raises(BudgetViolation, match="of 'users' is moved by"):
        perturbed(FACTORS, "Overwrites")


def test_an_attack_on_a_trained_victim_sees_what_it_declares(perturbed: Perturb) -> None:
    assert _same(*perturbed("Reads", "LooksAtLists"))
    with pytest.raises(KnowledgeViolation, match="declares knowledge of victim; it touched 'interactions'"):
        perturbed("Reads", "ReadsTheData")


def test_a_victim_that_trains_to_another_model_each_time_is_not_attacked(perturbed: Perturb) -> None:
    with pytest.raises(RuleViolation, match="its training does not repeat"):
        perturbed("NeverTheSame", "AddsNothing")


def test_a_victim_without_tables_cannot_have_them_moved(perturbed: Perturb) -> None:
    with pytest.raises(RuleViolation, match="Neighbours is no FittedProblem"):
        perturbed("Reads", "Scales")


SUITE = f"""
name = "mine"
version = "1"
datasets = ["shop.csv"]
recommenders = ["popularity", "{PLANTED}:Reads", "{FACTORS}"]
attackers = ["{PLANTED}:LeadsTo", "{PLANTED}:Scales", "{PLANTED}:AddsTooMuch", "random"]
defenses = ["activity-filter", "adversarial-training"]

[threat]
sizes = [0.1]
offers = ["statistics", "interactions", "victim"]

[threat.targets]
count = 2
"""


def test_cells_are_skipped_where_they_make_no_sense_and_share_the_clean_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plugins: Plugins
) -> None:
    monkeypatch.chdir(tmp_path)
    open_shop(tmp_path)
    (tmp_path / "mine.toml").write_text(SUITE)
    plan, store = Plan.of(load_suite("./mine.toml"), plugins, Circumstances(), {}), Store(tmp_path / "run")
    cells = {(c.recommender.name, c.attacker.name, c.defense and c.defense.name): c for c in plan.cells if c.attacker}
    leads, scales = cells["reads", "leads-to", None], cells["bpr-mf", "scales", "adversarial-training"]
    clean = [c for c in plan.cells if c.attacker is None and not c.replica]
    fits = {(c.recommender.name, c.defense and c.defense.name): plan.recipes.evaluate(c).inputs["fit"] for c in clean}
    assert plan.recipes.evaluate(leads).inputs["fit"].inputs["fit"] is fits["reads", None]
    assert plan.recipes.evaluate(scales).inputs["fit"].inputs["fit"] is fits["bpr-mf", "adversarial-training"]
    with pytest.raises(RecbenchError, match="adds no profiles to the training data"):
        plan.recipes.explain(leads)

    run_plan(plan, store, 1, start=InThisProcess)
    records = {key: store.read_record(cell.id) for key, cell in cells.items()}
    status = {key: record["status"] for key, record in records.items() if record}
    assert status["reads", "leads-to", None] == "ok"
    assert status["bpr-mf", "scales", "adversarial-training"] == "ok"
    assert status["reads", "adds-too-much", None] == "invalid"
    assert {status[victim, "leads-to", None] for victim in ("popularity", "bpr-mf")} == {"skipped"}
    assert {status[victim, "scales", None] for victim in ("popularity", "reads")} == {"skipped"}
    assert status["reads", "leads-to", "activity-filter"] == "skipped"
    assert status["popularity", "random", "activity-filter"] == "ok"
    led = records["reads", "leads-to", None]
    assert led is not None
    assert led["metrics"]["ndcg@10"] >= 0
    assert {"perturb", "evaluate"} == led["cost"].keys()
    assert led["artifacts"]["profiles"] is None
    lines = {(line.stage, line.plugins) for line in profile(record for record in store.records())}
    assert ("perturb", "leads-to") in lines
    with pytest.raises(DataError, match="a verifier could check: run without leads-to, scales to submit"):
        pack(tmp_path / "run", tmp_path / "mine.zip", plugins)
