"""What is searched of a parameter is read off its type."""

from typing import Annotated, Any, Literal

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, TypeAdapter

from recbench.errors import PluginError, SuiteError
from recbench.plugins import load_plugins
from recbench.tuning.space import distribution, in_words, spaces

PLUGINS = load_plugins()


@pytest.mark.parametrize(
    ("type_", "default", "expected"),
    [
        (PositiveFloat, 0.02, FloatDistribution(0.002, 0.2, log=True)),
        (NonNegativeFloat, 5.0, FloatDistribution(0.5, 50.0, log=True)),
        (PositiveInt, 64, IntDistribution(16, 256, log=True)),
        (NonNegativeInt, 3, IntDistribution(1, 12, log=True)),
        (Annotated[float, Field(gt=0, le=0.25)], 0.1, FloatDistribution(0.0025, 0.25)),
        (Annotated[float, Field(ge=0, lt=1)], 0.5, FloatDistribution(0.0, 0.99)),
        (Annotated[float, Field(ge=3)], 6.0, FloatDistribution(3.0, 60.0, log=True)),
        (Annotated[int, Field(gt=2, le=9)], 4, IntDistribution(3, 9)),
        (bool, True, CategoricalDistribution([False, True])),
        (Literal["cosine", "jaccard"], "cosine", CategoricalDistribution(["cosine", "jaccard"])),
    ],
)
def test_a_type_becomes_a_range(type_: Any, default: Any, expected: Any) -> None:
    assert distribution(TypeAdapter(type_).json_schema(), default) == expected


@pytest.mark.parametrize(("type_", "default", "reason"), [(NonNegativeFloat, 0.0, "scale"), (str, "x", "type")])
def test_what_has_no_range_says_why(type_: Any, default: Any, reason: str) -> None:
    found = distribution(TypeAdapter(type_).json_schema(), default)
    assert isinstance(found, str)
    assert reason in found


def test_a_reference_fixes_offers_and_leaves_open() -> None:
    (space,) = spaces(PLUGINS, "item-knn[k=20|50,unit_users=false]")
    assert space.fixed == {"unit_users": False}
    assert dict(space.searched) == {"k": CategoricalDistribution([20, 50])}
    assert space.default == {"k": 20}
    assert list(space.kept) == ["shrink"]
    assert space.reference({"k": 50}) == "item-knn[k=50,unit_users=false]"


def test_how_long_to_train_is_searched_only_where_alternatives_are_given() -> None:
    (space,) = spaces(PLUGINS, "bpr-mf")
    assert set(space.searched) == {"dim", "lr", "l2", "batch_size"}
    assert set(space.kept) == {"epochs", "every", "patience"}
    (space,) = spaces(PLUGINS, "bpr-mf[epochs=5|60]")
    assert space.default["epochs"] == 60


def test_a_glob_stands_for_several_recommenders() -> None:
    assert [space.name for space in spaces(PLUGINS, "item-*")] == ["item-autoencoder", "item-knn"]


def test_reals_are_cut_to_four_digits_within_their_range() -> None:
    (space,) = spaces(PLUGINS, "ease")
    assert space.rounded({"lam": 428.89009618}) == {"lam": 428.9}
    assert space.rounded({"lam": 49.99999}) == {"lam": 50.0}


def test_ranges_in_words() -> None:
    assert in_words(IntDistribution(25, 400, log=True)) == "25 to 400, logarithmic"
    assert in_words(FloatDistribution(0.0, 0.99)) == "0 to 0.99"
    assert in_words(CategoricalDistribution(["a", True])) == '"a" or true'


@pytest.mark.parametrize(
    ("reference", "error", "message"),
    [
        ("popularity", SuiteError, "'popularity' has nothing to search"),
        ("ease[lam=3]", SuiteError, "'ease' has nothing to search"),
        ("item-knn[shrink=0|-1]", PluginError, "shrink = -1"),
        ("item-knn[kk=3]", PluginError, "did you mean 'k'"),
        ("item-knm", PluginError, "did you mean 'item-knn'"),
    ],
)
def test_what_cannot_be_searched_is_refused(reference: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        spaces(PLUGINS, reference)
