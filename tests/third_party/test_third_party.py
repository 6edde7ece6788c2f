import json


def test_an_installed_distribution_is_listed_and_a_broken_one_beside_it_is_a_row(third_party_environment):
    finished = third_party_environment("plugins", "--json")
    assert (finished.returncode, finished.stderr) == (0, "")
    listed = json.loads(finished.stdout)

    rows = {row["name"]: row for row in listed["plugins"]}
    assert {name: row["status"] for name, row in rows.items()} == {
        "broken": "failed",
        "cooccurrence": "active",
        "standard": "active",
    }
    assert (rows["broken"]["distribution"], rows["broken"]["version"]) == ("recbench-broken", "1.0")
    assert "ModuleNotFoundError: No module named 'a_library_that_nobody_installed'" in rows["broken"]["reason"]

    components = {(component["kind"], component["name"]): component for component in listed["components"]}
    assert components["recommender", "cooccurrence"]["plugin"] == "cooccurrence"
    assert components["recommender", "bpr-mf"]["plugin"] == "standard"
    assert ("attacker", "broken") not in components


def test_an_installed_distribution_runs_in_a_matrix_and_the_broken_one_stops_nothing(
    third_party_environment, mirror, tmp_path
):
    axes = ["--dataset", "filmtrust", "--recommender", "cooccurrence", "--defense", "none", "--seeds", "1"]
    attackers = ["--attacker", "none", "--attacker", "random"]
    finished = third_party_environment(
        "run",
        "quick",
        *axes,
        *attackers,
        RECBENCH_MIRROR=str(mirror),
        RECBENCH_CACHE=str(tmp_path / "cache"),
        cwd=tmp_path,
    )
    assert finished.returncode == 0, finished.stderr
    records = [json.loads(path.read_text()) for path in (tmp_path / "runs" / "quick" / "cells").glob("*.json")]
    assert {record["question"]["attacker"]["name"] for record in records} == {"none", "random"}
    assert {record["question"]["recommender"]["name"] for record in records} == {"cooccurrence"}
    assert {record["status"] for record in records} == {"ok"}
    assert all(record["metrics"]["ndcg@10"] > 0.1 for record in records)


def test_third_parties_can_be_left_out(third_party_environment):
    listed = json.loads(third_party_environment("--no-plugins", "plugins", "recommender", "--json").stdout)
    assert {row["name"]: row["status"] for row in listed["plugins"]} == {
        "broken": "disabled",
        "cooccurrence": "disabled",
        "standard": "active",
    }
    assert {component["plugin"] for component in listed["components"]} == {"standard"}
