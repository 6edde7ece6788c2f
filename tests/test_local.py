from textwrap import dedent

import numpy as np
import pytest

from recbench.contracts import Profiles, Recommender
from recbench.errors import DataError, PluginError
from recbench.factories import digest, resolve
from recbench.local import POISON_FILE, from_path, is_path
from recbench.specs import build, resolved_params


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(source, name="mine.py"):
        (tmp_path / name).write_text(dedent(source))
        return tmp_path / name

    return write


@pytest.mark.parametrize("reference", ["./mine.py:M", "mine.py:M", "profiles.npz", "a/b", "C:\\mine.py:M"])
def test_paths_are_told_from_names(reference):
    assert is_path(reference)


@pytest.mark.parametrize("reference", ["bpr-mf", "item-*", "v1.2_x", "none"])
def test_names_and_globs_are_no_paths(reference):
    assert not is_path(reference)


def test_a_class_in_a_file_is_a_component(write):
    path = write(
        """
        from dataclasses import dataclass
        from recbench.contracts.recommender import Differentiable

        @dataclass(frozen=True)
        class MyLightGCN(Differentiable):
            dim: int = 8
            def problem(self, train, ctx, fakes=None): ...
        """
    )
    component, params = from_path("recommender", "./mine.py:MyLightGCN")
    assert (component.kind, component.name, params) == ("recommender", "my-light-gcn", {})
    assert component.provides == {"differentiable"}
    assert component.version == digest(path.read_bytes())
    assert resolve(component)().dim == 8


def test_an_edit_is_another_version(write):
    source = "from dataclasses import dataclass\n@dataclass\nclass Model:\n    dim: int = {}\n"
    write(source.format(8))
    before, _ = from_path("recommender", "./mine.py:Model")
    write(source.format(16))
    after, _ = from_path("recommender", "./mine.py:Model")
    assert before.version != after.version
    assert resolve(after)().dim == 16


PLAIN = """
    import numpy as np

    class Plain:
        def __init__(self, shrink=1.0, dtype=np.float32):
            self.shrink = shrink
        def fit(self, matrix): ...
        def score(self, users): ...

    plain = Plain(2.0)

    def make_plain(shrink=3.0):
        return Plain(shrink)
    """


@pytest.mark.parametrize(
    ("written", "name", "parameters"),
    [
        ("Plain", "plain", {"shrink": 1.0}),
        ("plain", "plain", {}),
        ("make_plain", "make-plain", {"shrink": 3.0}),
    ],
)
def test_a_recommender_may_be_a_plain_class_an_object_or_a_function(write, written, name, parameters):
    path = write(PLAIN)
    component, _ = from_path("recommender", f"mine.py:{written}")
    assert (component.name, component.version) == (name, digest(path.read_bytes()))
    assert resolved_params(component, {}) == parameters
    assert isinstance(build(component, {}), Recommender)
    for kind in ("attacker", "defense", "dataset"):
        if written != "Plain":
            with pytest.raises(PluginError, match=r"it is of type .*; expected a class"):
                from_path(kind, f"mine.py:{written}")


def test_a_plain_class_takes_the_parameters_of_its_constructor(write):
    write(PLAIN)
    component, _ = from_path("recommender", "mine.py:Plain")
    assert resolved_params(component, {"shrink": 5}) == {"shrink": 5}
    with pytest.raises(PluginError, match="'plain' has no parameter 'dtype'; known: shrink"):
        build(component, {"dtype": "float64"})


def test_what_a_plain_class_lacks_is_said_when_it_is_planned(write):
    write("class Learner:\n def fit(self, X, y): ...")
    component, _ = from_path("recommender", "mine.py:Learner")
    with pytest.raises(PluginError, match=r"^recommender 'learner': Learner cannot be a victim: it has fit\(X, y\)"):
        build(component, {})


@pytest.mark.parametrize(
    ("kind", "base", "method", "capability"),
    [
        ("attacker", "attacker.PoisoningAttacker", "craft", "poisoning"),
        ("attacker", "attacker.EvasionAttacker", "perturb", "evasion"),
        ("attacker", "attacker.ParameterAttacker", "perturb", "parameter"),
        ("defense", "defense.Sanitizer", "inspect", "sanitizer"),
        ("defense", "defense.RobustTraining", "fit", "robust-training"),
    ],
)
def test_capabilities_are_inferred_from_the_contract(write, kind, base, method, capability):
    module, name = base.split(".")
    write(
        f"""
        from dataclasses import dataclass
        from recbench.contracts.{module} import {name}

        @dataclass(frozen=True)
        class Mine({name}):
            def {method}(self, *anything): ...
        """
    )
    component, _ = from_path(kind, "mine.py:Mine")
    assert component.provides == {capability}
    assert component.knowledge == ({"interactions"} if kind == "attacker" else set())
    with pytest.raises(PluginError, match=f"the class is an? {kind}"):
        from_path("metric", "mine.py:Mine")


def test_a_class_describes_itself_and_a_module_describes_the_rest(write):
    write(
        """
        component = dict(family="module", knowledge={"statistics"})

        class Described:
            component = dict(name="white", knowledge={"victim"}, goals={"nuke"}, requires_recommender={"x"})

        class Other: ...
        """
    )
    described, _ = from_path("attacker", "mine.py:Described")
    assert (described.name, described.box, described.family) == ("white", "white", "")
    assert described.requires_recommender == {"x"}
    assert (described.goals, described.feedback) == ({"nuke"}, {"implicit", "explicit"})
    other, _ = from_path("attacker", "mine.py:Other")
    assert (other.name, other.family, other.knowledge) == ("other", "module", {"statistics"})


@pytest.mark.parametrize(
    ("reference", "source", "reason"),
    [
        ("nowhere.py:M", "", "no such file in"),
        ("mine.py:Modle", "class Model: ...", "no such class; did you mean 'Model'"),
        ("mine.py:X", "X = 3", "it is of type int; expected a class, an object with fit or a function that returns"),
        ("mine.py:Model", "1 / 0", r"cannot be run: ZeroDivisionError.*mine.py, line 1"),
        ("mine.py:Model", "raise SystemExit", "cannot be run: SystemExit"),
        (
            "mine.py:Model",
            "class Model:\n component = dict(provide={'x'})",
            "unknown key 'provide'; did you mean 'provides'",
        ),
        ("mine.py:Model", "class Model:\n component = dict(version='2')", "unknown key 'version'"),
        ("mine.py", "class Model: ...", "expected FILE.py:CLASS"),
        ("./profiles.npz", "", "a file of profiles is an attacker"),
    ],
)
def test_what_is_wrong_with_a_path_is_said_in_one_line(write, reference, source, reason):
    write(source)
    with pytest.raises(PluginError, match=reason) as error:
        from_path("recommender", reference)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"x", b"PK\x05\x06" + bytes(18)])
def test_a_file_that_holds_no_profiles_is_refused_before_anything_runs(write, tmp_path, content):
    write("")
    (tmp_path / "none.npz").write_bytes(content)
    with pytest.raises(DataError, match="not a poison file") as error:
        from_path("attacker", "./none.npz")
    assert "pickle" not in str(error.value)


def test_a_poison_file_is_an_attacker_whose_version_is_its_content(write, tmp_path):
    write("")
    Profiles.from_pairs(np.zeros(3, np.int64), np.arange(3), 1).save(tmp_path / "My Profiles.npz")
    component, params = from_path("attacker", "./My Profiles.npz")
    assert (component.name, component.factory) == ("my-profiles", POISON_FILE)
    assert component.provides == {"poisoning"}
    assert component.knowledge == set()
    assert params == {"path": str(tmp_path / "My Profiles.npz")}
    Profiles.from_pairs(np.zeros(4, np.int64), np.arange(4), 1).save(tmp_path / "My Profiles.npz")
    assert from_path("attacker", "./My Profiles.npz")[0].version != component.version
