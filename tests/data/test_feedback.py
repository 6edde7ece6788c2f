from pathlib import Path

import numpy as np
import pytest

from recbench.data.feedback import binarize, explicit
from recbench.data.interactions import Interactions
from recbench.data.readers import read_interactions
from recbench.errors import DataError


def test_every_interaction_is_a_positive_by_default(mirror: Path) -> None:
    data = read_interactions(mirror / "ml-100k").interactions
    clicks = binarize(data)
    assert clicks.ratings is None
    np.testing.assert_array_equal(clicks.items, data.items)
    np.testing.assert_array_equal(clicks.timestamps, data.timestamps)


def test_a_threshold_keeps_the_ratings_that_reach_it(mirror: Path) -> None:
    data = read_interactions(mirror / "ml-100k").interactions
    # 34,174 fours and 21,201 fives: the published histogram of ratings.
    likes = binarize(data, positive_from=4)
    assert len(likes) == 34_174 + 21_201
    assert (likes.n_users, likes.n_items) == (943, 1682)


def test_explicit_feedback_keeps_its_ratings(mirror: Path) -> None:
    data = read_interactions(mirror / "ml-100k").interactions
    assert explicit(data) is data


def test_a_track_that_the_data_cannot_feed_is_refused() -> None:
    clicks = Interactions(np.array([0, 1]), np.array([0, 0]), 2, 1)
    ratings = Interactions(np.array([0, 1]), np.array([0, 0]), 2, 1, ratings=np.array([1, 2]))
    with pytest.raises(DataError, match="no ratings"):
        explicit(clicks)
    with pytest.raises(DataError, match="no ratings to binarize"):
        binarize(clicks, positive_from=4)
    with pytest.raises(DataError, match="no rating reaches 3"):
        binarize(ratings, positive_from=3)
