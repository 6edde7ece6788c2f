import json
from dataclasses import dataclass, field
from typing import Annotated, Literal

import pytest
from annotated_types import Gt
from hypothesis import given
from hypothesis import strategies as st

from recbench.component import Component, option
from recbench.contracts import Profiles
from recbench.errors import PluginError
from recbench.plugins import load_plugins
from recbench.specs import ComponentSpec, build, expand, parse, resolved_params


@dataclass(frozen=True)
class Model:
    dim: Annotated[int, Gt(0)] = 64
    lr: float = 1
    loss: Literal["bpr", "softmax"] = "bpr"
    layers: tuple[int, ...] = (64, 32)
    threshold: float | None = None
    fast: bool = True
    words: frozenset[str] = frozenset({"b", "c", "a"})
    cached: dict[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if self.dim == 13:
            raise ValueError("13 is unlucky")


@dataclass(frozen=True)
class Faster(Model):
    compile: bool = option(False)


@dataclass(frozen=True)
class NeedsPath:
    path: str


@dataclass(frozen=True)
class WrongDefault:
    dim: int = "many"  # type: ignore[assignment]


@dataclass(frozen=True)
class InfiniteDefault:
    radius: float = float("inf")


@dataclass(frozen=True)
class UnknownType:
    dim: "NoSuchType" = 1  # noqa: F821


def component(cls: type) -> Component:
    return Component("recommender", cls.__name__.lower(), f"{__name__}:{cls.__name__}")


@pytest.mark.parametrize(
    ("reference", "specs"),
    [
        ("bpr-mf", [("bpr-mf", {})]),
        (" bpr-mf[] ", [("bpr-mf", {})]),
        ("bpr-mf[dim=64,lr=0.01]", [("bpr-mf", {"dim": 64, "lr": 0.01})]),
        ("bpr-mf[ dim = 64 , lr = 1e-3 ]", [("bpr-mf", {"dim": 64, "lr": 0.001})]),
        ("m[dim=32|64]", [("m", {"dim": 32}), ("m", {"dim": 64})]),
        ("m[a=1|2,b=true|false]", [("m", {"a": a, "b": b}) for a in (1, 2) for b in (True, False)]),
        ("m[loss=softmax]", [("m", {"loss": "softmax"})]),
        ('m[text=\'a,b|c]\',other="x\\"y"]', [("m", {"text": "a,b|c]", "other": 'x"y'})]),
        ("m[layers=[64,32]|[8]]", [("m", {"layers": [64, 32]}), ("m", {"layers": [8]})]),
        ("item-*[k=10]", [("item-*", {"k": 10})]),
        ("./mine.py:Model[dim=3]", [("./mine.py:Model", {"dim": 3})]),
        ({"name": "m"}, [("m", {})]),
        ({"name": "m", "dim": [32, 64], "lr": 0.1}, [("m", {"dim": 32, "lr": 0.1}), ("m", {"dim": 64, "lr": 0.1})]),
        ({"name": "m", "layers": [[64, 32]]}, [("m", {"layers": [64, 32]})]),
    ],
)
def test_a_reference_is_read(reference, specs):
    assert parse(reference) == [ComponentSpec(name, params) for name, params in specs]


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("", "cannot read ''"),
        ("m[dim=64", r"cannot read 'm\[dim=64'"),
        ("m]dim=64[", "cannot read"),
        ("m[dim]", "cannot read 'dim'"),
        ("m[=3]", "cannot read '=3'"),
        ("m[dim=]", "cannot read dim="),
        ("m[dim=1,]", "cannot read ''"),
        ("m[dim=1 2]", "cannot read dim=1 2"),
        ("m[dim=1\nx=2]", "cannot read dim=1"),
        ("m[dim=1,dim=2]", r"sets dim twice; write alternatives as dim=1\|2"),
        ("m[day=2024-01-01]", "'m': day = .*expected a number"),
        ("m[lr=nan]", "'m': lr = nan: expected a finite number"),
        ({"dim": 3}, "needs a name"),
        ({"name": "m", "dim": []}, "'m': dim has no alternatives"),
        ({"name": "m", "dim": {"a": 1}}, "'m': dim = {'a': 1}: expected"),
    ],
)
def test_text_that_is_no_reference_is_quoted_back(reference, reason):
    with pytest.raises(PluginError, match=reason):
        parse(reference)


scalars = (
    st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["C", "Z"]), max_size=8)
)


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,6}", fullmatch=True), scalars, max_size=4))
def test_what_a_spec_prints_is_read_back(params):
    spec = ComponentSpec("bpr-mf", params)
    (read,) = parse(str(spec))
    assert read == spec
    assert [type(read.params[key]) for key in params] == [type(value) for value in params.values()]


def test_a_component_is_built_with_its_parameters():
    model = build(component(Model), {"dim": 8, "lr": 2, "layers": [16], "threshold": 0.5, "words": ["x"]})
    assert model == Model(dim=8, lr=2.0, layers=(16,), threshold=0.5, words=frozenset({"x"}))
    assert isinstance(model.lr, float)


def test_values_that_are_the_defaults_build_the_same_without_being_validated(monkeypatch):
    written_out = resolved_params(component(Model), {})
    assert build(component(Model), written_out) == Model()
    monkeypatch.setattr("recbench.specs.TypeAdapter", None)
    assert build(component(Model), {"dim": 64, "loss": "bpr", "threshold": None, "fast": True}) == Model()
    for alike in ({"dim": 64.0}, {"fast": 1}, {"dim": True}):
        with pytest.raises(PluginError, match="cannot be read"):  # not taken for the default
            build(component(Model), alike)


@pytest.mark.parametrize(
    ("cls", "params", "reason"),
    [
        (Model, {"dmi": 8}, "recommender 'model' has no parameter 'dmi'; did you mean 'dim'?"),
        (Model, {"cached": {}}, "has no parameter 'cached'"),
        (Model, {"dim": "64"}, "recommender 'model': dim = '64': input should be a valid integer"),
        (Model, {"dim": 64.0}, "dim = 64.0: input should be a valid integer"),
        (Model, {"dim": True}, "dim = True: input should be a valid integer"),
        (Model, {"dim": 0}, "dim = 0: input should be greater than 0"),
        (Model, {"lr": True}, "lr = True: input should be a valid number"),
        (Model, {"fast": 1}, "fast = 1: input should be a valid boolean"),
        (Model, {"loss": "hinge"}, "loss = 'hinge': input should be 'bpr' or 'softmax'"),
        (Model, {"lr": float("nan")}, "lr = nan: expected a value that JSON can hold"),
        (Model, {"dim": 8j}, "dim = 8j: expected a value that JSON can hold"),
        (Model, {"layers": ["a"]}, "layers = ['a']: input should be a valid integer"),
        (Model, {"dim": 13}, "recommender 'model': ValueError: 13 is unlucky"),
        (NeedsPath, {}, "needs the parameter 'path': needspath[path=…]"),
        (UnknownType, {"dim": 2}, "the types of its parameters cannot be read: NameError: name 'NoSuchType'"),
    ],
)
def test_impossible_parameters_are_one_line_with_name_value_and_expectation(cls, params, reason):
    with pytest.raises(PluginError) as error:
        build(component(cls), params)
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


def test_resolved_parameters_are_complete_canonical_and_json():
    resolved = resolved_params(component(Model), {"dim": 8})
    assert list(resolved.items()) == [
        ("dim", 8),
        ("fast", True),
        ("layers", [64, 32]),
        ("loss", "bpr"),
        ("lr", 1.0),
        ("threshold", None),
        ("words", ["a", "b", "c"]),
    ]
    assert isinstance(resolved["lr"], float)
    assert json.loads(json.dumps(resolved)) == resolved


def test_writing_out_a_default_does_not_change_the_identity():
    implicit = json.dumps(resolved_params(component(Model), {}))
    assert json.dumps(resolved_params(component(Model), {"lr": 1, "dim": 64, "words": ["c", "b", "a"]})) == implicit
    assert build(component(Model), resolved_params(component(Model), {})) == Model()


def test_an_option_is_part_of_the_identity_only_where_it_is_used():
    before = resolved_params(component(Model), {})
    assert resolved_params(component(Faster), {}) == resolved_params(component(Faster), {"compile": False}) == before
    assert resolved_params(component(Faster), {"compile": True}) == before | {"compile": True}


@pytest.mark.parametrize(("cls", "key"), [(WrongDefault, "dim"), (InfiniteDefault, "radius")])
def test_a_default_that_has_no_canonical_form_is_the_plugins_mistake(cls, key):
    with pytest.raises(PluginError, match=f"the default of '{key}'"):
        resolved_params(component(cls), {})


def test_a_file_is_run_once_for_all_alternatives_and_afresh_for_the_next_reference(tmp_path):
    lines = ["from pathlib import Path", "with Path(__file__).with_name('runs').open('a') as file: file.write('.')"]
    lines += ["from dataclasses import dataclass", "from recbench.contracts import Sanitizer"]
    lines += ["@dataclass(frozen=True)", "class Mine(Sanitizer):", "    a: int = 0", "    inspect = None"]
    (tmp_path / "mine.py").write_text("\n".join(lines))
    for runs in (1, 2):
        found = expand(load_plugins(), "defense", f"{tmp_path}/mine.py:Mine[a=1|2|3]")
        assert [params for _, params in found] == [{"a": 1}, {"a": 2}, {"a": 3}]
        assert len((tmp_path / "runs").read_text()) == runs


def test_globs_products_and_paths_expand_to_components_with_parameters(tmp_path):
    plugins = load_plugins()
    (tmp_path / "mine.py").write_text("class Mine: ...")
    Profiles.empty().save(tmp_path / "poison.npz")

    def expanded(kind, reference):
        return [(component.name, params) for component, params in expand(plugins, kind, reference)]

    assert expanded("attacker", "gan*[epochs=1|2]") == [
        ("gan", {"epochs": 1}),
        ("gan-untrained", {"epochs": 1}),
        ("gan", {"epochs": 2}),
        ("gan-untrained", {"epochs": 2}),
    ]
    assert expanded("recommender", f"{tmp_path}/mine.py:Mine[dim=3]") == [("mine", {"dim": 3})]
    assert expanded("attacker", f"{tmp_path}/poison.npz") == [("poison", {"path": str(tmp_path / "poison.npz")})]
    with pytest.raises(PluginError, match="unknown defense 'pca'; "):
        expand(plugins, "defense", "pca")


def test_a_file_cannot_take_the_name_of_an_installed_component(tmp_path):
    (tmp_path / "mine.py").write_text("class EASE: ...")
    with pytest.raises(PluginError, match="would be called 'ease', as the recommender of plugin 'standard' is"):
        expand(load_plugins(), "recommender", f"{tmp_path}/mine.py:EASE")


@pytest.mark.parametrize(
    "offered", load_plugins(third_party=False).components(), ids=lambda each: f"{each.kind}-{each.name}"
)
def test_every_standard_component_can_be_built_with_its_defaults(offered):
    assert build(offered, resolved_params(offered, {})) == build(offered, {})


@pytest.mark.parametrize(
    "offered",
    load_plugins(third_party=False).components("recommender") + load_plugins(third_party=False).components("attacker"),
    ids=lambda each: f"{each.kind}-{each.name}",
)
def test_no_standard_component_takes_an_impossible_number(offered):
    for key, value in resolved_params(offered, {}).items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            with pytest.raises(PluginError, match=f"{key} = -1: input should be (greater than|1 or 2)"):
                build(offered, {key: -1})
