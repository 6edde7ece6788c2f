"""Small recommenders that know nothing of recbench."""

import numpy as np


class Counts:
    """Popularity, by `fit(matrix)` and `score(users)`; a second fit would go on from the first."""

    def __init__(self, random_state=None):
        self.random_state = random_state
        self.fits = 0
        self.popularity = 0.0

    def fit(self, matrix):
        self.fits += 1
        self.popularity = self.popularity + np.asarray(matrix.sum(axis=0)).ravel()

    def score(self, users):
        return np.tile(self.popularity, (len(users), 1))


class Lister:
    """The most popular items, by `recommend(users, k)`, at most `length` of them."""

    def __init__(self, length=5, with_scores=False):
        self.length = length
        self.with_scores = with_scores

    def fit(self, matrix):
        self.popularity = np.asarray(matrix.sum(axis=0)).ravel()

    def recommend(self, users, k):
        best = np.argsort(-self.popularity, kind="stable")[: min(k, self.length)]
        lists = np.tile(best, (len(users), 1))
        return (lists, self.popularity[lists]) if self.with_scores else lists
