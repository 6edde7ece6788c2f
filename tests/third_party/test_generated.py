"""What `recbench new` writes installs, is listed and runs in a matrix, as generated."""

import json

import pytest

from recbench.component import KINDS


def test_a_generated_package_of_every_kind_is_listed(generated_environment):
    finished = generated_environment("plugins", "--json")
    assert (finished.returncode, finished.stderr) == (0, "")
    listed = json.loads(finished.stdout)
    assert {row["name"]: row["status"] for row in listed["plugins"]} == {
        "standard": "active",
        **{f"my-{kind}": "active" for kind in KINDS},
    }
    offered = {(each["kind"], each["name"]) for each in listed["components"] if each["plugin"] != "standard"}
    assert offered == {(kind, f"my-{kind}") for kind in KINDS}


def test_generated_components_run_in_a_matrix(generated_environment, tmp_path):
    arguments = [f"--{kind}" if word else f"my-{kind}" for kind in KINDS[:4] for word in (True, False)]
    arguments += ["--attacker", "none", "--defense", "none", "--seeds", "1", "--size", "0.1"]
    finished = generated_environment("run", "quick", *arguments, RECBENCH_CACHE=str(tmp_path / "cache"), cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    records = [json.loads(path.read_text()) for path in (tmp_path / "runs" / "quick" / "cells").glob("*.json")]
    assert {record["status"] for record in records} == {"ok"}
    pairs = {tuple(record["question"][axis]["name"] for axis in ("attacker", "defense")) for record in records}
    assert pairs == {(attack, defense) for attack in ("none", "my-attacker") for defense in ("none", "my-defense")}
    assert all(record["metrics"]["my-metric@10"] > 0 for record in records)


@pytest.mark.parametrize("kind", KINDS)
def test_a_generated_component_passes_its_checks(generated_environment, kind):
    finished = generated_environment("check", f"{kind}:my-{kind}")
    assert finished.returncode == 0, finished.stdout
