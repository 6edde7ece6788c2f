"""`recbench new` from the outside."""

import pytest

from recbench.cli import main
from recbench.component import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_is_never_written_over_another(kind, tmp_path, capsys):
    assert main(["new", kind, "mine", "--into", str(tmp_path)]) == 0
    assert "recbench check mine" in capsys.readouterr().out
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert main(["new", kind, "mine", "--into", str(tmp_path)]) == 2
    assert "exists; choose another name" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["Mine", "9lives", "class", "a b", "../out"])
def test_a_name_that_no_module_can_have_is_refused_and_nothing_is_written(name, tmp_path, capsys):
    assert main(["new", "metric", name, "--into", str(tmp_path)]) == 2
    assert f"'{name}' cannot name a package" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_unknown_kind_is_refused_with_a_suggestion(tmp_path, capsys):
    assert main(["new", "attaker", "mine", "--into", str(tmp_path)]) == 2
    assert "did you mean 'attacker'?" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_to_is_one_line(tmp_path, capsys):
    file = tmp_path / "file"
    file.touch()
    assert main(["new", "metric", "mine", "--into", str(file)]) == 2
    assert "cannot be written: Not a directory; choose another folder by --into" in capsys.readouterr().err
