"""Recommenders that require titles are given some, which stay with their items and tell nothing of who likes them."""

from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pytest

from recbench.conformance.check import Subject, checks_of, perform
from recbench.conformance.exercise import context_of
from recbench.conformance.planted import preference_blocks, titled
from recbench.contracts import Component, Recommender


@dataclass(frozen=True, eq=False)
class Scores:
    items: np.ndarray

    def score(self, users):
        return np.tile(self.items, (len(users), 1))


@dataclass(frozen=True)
class ByTitle(Recommender):
    """Scores an item by a number that its title alone determines."""

    def fit(self, train, ctx):
        return Scores(np.array([crc32(title.encode()) / 2**32 for title in ctx.catalog.titles]))


def subject(*required: str) -> Subject:
    return Subject(Component("recommender", "by-title", f"{__name__}:ByTitle", requires_data=frozenset(required)))


def test_titles_are_there_for_those_that_require_them_and_no_two_are_alike():
    assert len(set(context_of(subject("titles"), 300).catalog.titles)) == 300
    assert context_of(subject(), 300).catalog.titles == ()


@pytest.mark.parametrize(
    "statement",
    ["scores have a row a user and a column an item", "relabelling users and items permutes its scores"],
)
def test_a_recommender_of_titles_alone_passes_what_is_said_of_scores(statement):
    (check,) = [each for each in checks_of("recommender") if each.name == statement]
    outcome = perform(check, subject("titles"))
    assert outcome.status == "passed", outcome.reason


def test_no_title_tells_the_block_of_its_item():
    (check,) = [each for each in checks_of("recommender") if each.name.startswith("it beats popularity")]
    assert perform(check, subject("titles")).status == "failed"
    words = [title.split()[:2] for title in titled(60).titles]
    task = preference_blocks("titles")
    liked = task.wanted.astype(float).T @ task.wanted  # item by item: of one block
    same_word = np.array([[bool(set(a) & set(b)) for b in words] for a in words])
    off = ~np.eye(60, dtype=bool)
    assert abs(np.corrcoef(liked[off] > 0, same_word[off])[0, 1]) < 0.1
