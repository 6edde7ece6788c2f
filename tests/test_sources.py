"""Source that is found and read without being imported."""

import pytest

from recbench.sources import absolute, imports_of, own_modules, source_of


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of the user's own, with a module that would fail if it were imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / "package_of_mine"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit\n")
    (folder / "first.py").write_text("from . import second\nfrom .inner import third\nimport numpy as np\n")
    (folder / "second.py").write_text("from package_of_mine import first\n")
    (folder / "inner" / "__init__.py").write_text("")
    (folder / "inner" / "third.py").write_text("X = 1\n")
    (folder / "unused.py").write_text("")
    return folder


def test_all_own_modules_that_are_reached_are_found_and_none_is_imported(package):
    found = own_modules(b"import json\nfrom package_of_mine.first import x\nimport recbench\nimport nowhere_at_all\n")
    names = ["", ".first", ".inner", ".inner.third", ".second"]
    assert list(found) == [f"package_of_mine{name}" for name in names]
    assert found["package_of_mine.inner.third"] == b"X = 1\n"


def test_what_is_installed_or_of_python_is_not_the_users_own():
    assert own_modules(b"import json, numpy.linalg, recbench.contracts, recbench_plugins.recommenders.ease, sys") == {}


def test_a_module_that_is_no_python_is_kept_and_what_imports_it_will_say_so(package):
    (package / "second.py").write_text("def (")
    assert own_modules(b"import package_of_mine.second")["package_of_mine.second"] == b"def ("


def test_a_module_is_found_beside_its_package(package):
    assert source_of("package_of_mine.inner") == package / "inner" / "__init__.py"
    assert source_of("package_of_mine.inner.third") == package / "inner" / "third.py"
    assert source_of("package_of_mine.fourth") is source_of("nowhere_at_all") is None


def test_relative_imports_become_absolute():
    assert list(imports_of(b"from ..a import b\nimport c.d")) == [("a", 2), ("a.b", 2), ("c.d", 0)]
    assert absolute("a.b", 2, "p.q") == "p.a.b"
    assert absolute("", 1, "p.q") == "p.q"
    assert absolute("c.d", 0, "p.q") == "c.d"
