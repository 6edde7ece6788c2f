"""`recbench run --executor`: what is refused before anything runs."""

import pytest
from planted_suite import suite

from recbench.cli import main


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--executor", "slurm"], "executor slurm: no such executor; known: local, ray"),
        (["--executor", "rai"], "did you mean 'ray'?"),
        (["--address", "auto"], "add '--executor ray'"),
        (["--gpus", "0.5"], "add '--executor ray'"),
        (["--share", "file:///shared"], "add '--executor ray'"),
    ],
)
def test_a_users_mistake_is_one_line_and_computes_nothing(shop, capfd, arguments, words):
    assert main(["run", suite(["Popular"], ["Fills"], []), *arguments]) == 2
    assert words in capfd.readouterr().err
    assert not (shop / "runs").exists()


def test_without_ray_the_next_step_is_told(shop, capfd, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["run", suite(["Popular"], ["Fills"], []), "--executor", "ray"]) == 2
    assert "pip install 'recbench[ray]'" in capfd.readouterr().err
