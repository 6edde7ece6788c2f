"""EASE: the closed-form linear autoencoder over items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveFloat
from scipy.linalg.lapack import spotrf, spotri

from recbench.contracts import FitContext, RecbenchError, Recommender
from recbench.data import Interactions
from recbench_plugins.recommenders.linear import LinearScorer


@dataclass(frozen=True)
class EASE(Recommender):
    """EASE (Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, eq. 8).

    With G = XᵀX + lam I and P = G⁻¹, the weights are B_ij = -P_ij / P_jj and B_jj = 0; scores are XB.
    X is binary: on an explicit track every rating counts as a positive. Needs 4 n_items² bytes, and about
    n_items³ operations, in single precision, which reaches the accuracy of double precision.

    Args:
        lam: L2 regularization, > 0. The default was chosen on a validation part of ml-100k; 80 suits the
            much sparser Gowalla.
    """

    lam: PositiveFloat = 500.0

    def fit(self, train: Interactions, ctx: FitContext) -> LinearScorer:
        """Solve for the weights.

        Raises:
            RecbenchError: `lam` is too small for the Gram matrix to be positive definite.
        """
        histories = train.csr
        gram = (histories.T @ histories).toarray()
        gram[np.diag_indices_from(gram)] += np.float32(self.lam)
        weights = self._invert(gram)
        weights /= -np.diag(weights)
        np.fill_diagonal(weights, 0.0)
        return LinearScorer(histories, weights)

    def _invert(self, gram: NDArray[np.float32]) -> NDArray[np.float32]:
        """The inverse of a symmetric positive definite matrix in C order, in its own memory."""
        factor, broken = spotrf(gram.T, lower=1, clean=0, overwrite_a=1)
        if broken:
            raise RecbenchError(f"ease: XᵀX + {self.lam:g} I is not positive definite in float32; raise lam")
        inverse: NDArray[np.float32] = spotri(factor, lower=1, overwrite_c=1)[0].T
        mirror_upper(inverse)
        return inverse


def mirror_upper(matrix: NDArray[np.float32], block: int = 512) -> None:
    """Copy the upper triangle of a square matrix onto its lower one, in place."""
    for start in range(0, len(matrix), block):
        rows = slice(start, start + block)
        rest = slice(start + block, None)
        corner = matrix[rows, rows]
        matrix[rows, rows] = np.triu(corner) + np.triu(corner, 1).T
        matrix[rest, rows] = matrix[rows, rest].T
