"""Rating accuracy, against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from recbench.contracts.threat import RatingScale
from recbench.data.interactions import Interactions
from recbench.errors import InvalidScores
from recbench.evaluation import ratings
from recbench.evaluation.audience import Audience

STARS = RatingScale(1, 5, 1)


def test_errors_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    predicted, actual = rng.uniform(1, 5, 100), rng.integers(1, 6, 100).astype(np.float32)
    assert ratings.rmse(predicted, actual) == pytest.approx(root_mean_squared_error(actual, predicted))
    assert ratings.mae(predicted, actual) == pytest.approx(mean_absolute_error(actual, predicted))


def test_predictions_are_clipped_to_the_scale_and_not_rounded():
    assert ratings.clipped(np.array([-3.0, 2.4, 9.0]), STARS).tolist() == [1.0, 2.4, 5.0]


def test_an_impossible_prediction_is_refused():
    with pytest.raises(InvalidScores, match="predicted rating 1 of 3 is nan"):
        ratings.clipped(np.array([1.0, np.nan, 2.0]), STARS)


def test_like_is_above_the_middle_of_the_scale():
    predicted, actual = np.array([3.0, 3.1, 4.9, 1.0]), np.array([3, 4, 2, 1])
    assert ratings.like_accuracy(predicted, actual, STARS) == 0.75


class Table:
    """Scores that are known, of users in another order than the clean one; it notes whom it is asked about."""

    def __init__(self, scores, public_id):
        self.scores = np.empty_like(scores)
        self.scores[public_id] = scores
        self.asked = []

    def score(self, users):
        self.asked.extend(users.tolist())
        return self.scores[users]


def test_the_error_on_validation_is_that_of_the_clipped_scores_of_genuine_users_and_everybody_is_asked():
    rng = np.random.default_rng(0)
    rows = Interactions([0, 0, 2], [3, 1, 4], 3, 5, ratings=[5.0, 1.0, 4.0])
    scores, public_id = rng.uniform(-1, 8, (7, 5)), rng.permutation(7)
    audience = Audience.shuffled(public_id, 3, seed=1)
    table = Table(scores, public_id)
    expected = np.clip(scores[rows.users, rows.items], 1, 5) - rows.ratings
    found = ratings.validation_error(table, audience, rows, STARS)
    assert found == pytest.approx(np.sqrt((expected**2).mean()))
    assert table.asked == audience.users.tolist()
