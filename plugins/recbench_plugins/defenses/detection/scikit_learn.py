"""What the detectors take from scikit-learn, imported without a trace.

From 1.9 on it imports rich, which draws from Python's global generator as it is imported.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _unmoved() -> Iterator[None]:
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


with _unmoved():
    from sklearn.ensemble import IsolationForest
    from sklearn.mixture import GaussianMixture
    from sklearn.neighbors import LocalOutlierFactor
    from sklearn.svm import OneClassSVM
    from sklearn.tree import DecisionTreeClassifier

__all__ = ["DecisionTreeClassifier", "GaussianMixture", "IsolationForest", "LocalOutlierFactor", "OneClassSVM"]
