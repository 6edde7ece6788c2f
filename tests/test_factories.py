from pathlib import Path

import pytest

from recbench import factories
from recbench.component import Component
from recbench.errors import PluginError
from recbench.factories import digest, load_file, module_name, resolve

MODULE = """
from __future__ import annotations
from dataclasses import dataclass

@dataclass(frozen=True)
class Model:
    dim: int = 8

class Plain: ...

value = 3
"""


@pytest.fixture
def module(tmp_path, monkeypatch, request):
    name = f"module_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def test_a_factory_is_imported_by_name(module):
    model = resolve(Component("recommender", "model", f"{module}:Model"))
    assert model(dim=3).dim == 3


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Modle", "has no attribute 'Modle'"),
        ("Plain", "is not a dataclass"),
        ("value", "is not a dataclass"),
    ],
)
def test_a_factory_that_is_no_dataclass_is_refused(module, name, reason):
    with pytest.raises(PluginError) as error:
        resolve(Component("attacker", "model", f"{module}:{name}"))
    assert f"attacker 'model' of package '{module}': {module}:{name} " in str(error.value)
    assert reason in str(error.value)


@pytest.mark.parametrize("name", ["Plain", "value"])
def test_a_recommender_that_is_no_dataclass_needs_a_fit(module, name):
    with pytest.raises(PluginError, match=rf"{module}:{name}: {name} is no recommender: it has no fit; write fit"):
        resolve(Component("recommender", "model", f"{module}:{name}"))


def test_a_failure_names_the_plugin_the_factory_and_the_reason():
    component = Component("attacker", "gone", "recbench_plugins.attackers.gone:Gone")
    with pytest.raises(PluginError) as error:
        resolve(component)
    assert str(error.value) == (
        "attacker 'gone' of plugin 'standard': recbench_plugins.attackers.gone:Gone cannot be imported: "
        "ModuleNotFoundError: No module named 'recbench_plugins.attackers.gone'"
    )


def test_a_module_that_exits_is_a_failure_too(tmp_path, monkeypatch):
    (tmp_path / "module_that_exits.py").write_text("raise SystemExit(1)")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PluginError, match=r"SystemExit: 1 \(.*module_that_exits.py, line 1\)"):
        resolve(Component("metric", "exits", "module_that_exits:M"))


def test_a_line_that_moves_from_one_file_to_the_next_is_another_version():
    assert digest(b"a", b"b") != digest(b"ab", b"") != digest(b"ab") == digest(b"ab")


@pytest.mark.parametrize("name", ["mine.py", "my model (2)_5f.py", "modèle_推薦.py"])
def test_the_module_name_of_a_file_spells_its_path(tmp_path, name):
    spelled = module_name(tmp_path / name)
    assert spelled.isidentifier()
    assert spelled.isascii()
    assert factories.file_of(spelled) == Path(tmp_path / name).resolve()


def test_a_file_is_found_again_in_a_process_that_never_saw_it(tmp_path, monkeypatch):
    path = tmp_path / "mine.py"
    path.write_text(MODULE)
    component = Component("recommender", "model", f"{module_name(path)}:Model", version=digest(path.read_bytes()))
    assert resolve(component).__name__ == "Model"
    assert resolve(component) is resolve(component)


def test_a_file_that_changed_after_planning_is_refused(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MODULE)
    component = Component("recommender", "model", f"{module_name(path)}:Model", version=digest(path.read_bytes()))
    assert resolve(component).__name__ == "Model"
    path.write_text(MODULE + "# edited")
    load_file(path)
    with pytest.raises(PluginError, match=r"mine.py, or what it imports, has changed since it was planned; plan again"):
        resolve(component)


def test_a_module_of_the_users_own_belongs_to_the_file_that_imports_it(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    path, helper = tmp_path / "mine.py", tmp_path / "own_helper_of_mine.py"
    path.write_text(MODULE + "import numpy\nimport own_helper_of_mine\n")
    helper.write_text("SIGN = 1\n")
    version = vars(load_file(path))["__digest__"]
    assert version == vars(load_file(path))["__digest__"] != digest(path.read_bytes())
    component = Component("recommender", "model", f"{module_name(path)}:Model", version=version)
    assert resolve(component).__name__ == "Model"
    helper.write_text("SIGN = -1\n")
    load_file(path)
    with pytest.raises(PluginError, match=r"mine.py, or what it imports, has changed since it was planned; plan again"):
        resolve(component)


def test_an_edit_that_is_taken_back_brings_back_the_first_class(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MODULE)
    component = Component("recommender", "model", f"{module_name(path)}:Model", version=digest(path.read_bytes()))
    path.write_text(MODULE.replace("= 8", "= 9"))
    load_file(path)
    path.write_text(MODULE)
    assert resolve(component)().dim == 8


def test_an_error_is_located_in_the_plugin_and_not_in_the_harness():
    plugin = f"{Path(factories.__file__).parent}_plugin/model.py"
    code = compile("\nfrom recbench.component import Component\nComponent('metric', 'NO', 'a:B')", plugin, "exec")
    with pytest.raises(PluginError) as error:
        exec(code)
    assert factories.explain(error.value).endswith(f"({plugin}, line 3)")


def test_two_files_of_one_name_do_not_mix(tmp_path):
    for folder, value in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(f"value = {value}")
    assert [load_file(tmp_path / folder / "mine.py").value for folder in "ab"] == [1, 2]
