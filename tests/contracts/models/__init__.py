"""Four small differentiable recommenders, one a family, that exercise the contracts."""

from .autoencoder import Autoencoder
from .graph import GraphConvolution
from .matrix_factorization import MatrixFactorization
from .sequence import RecencyAttention

FAMILIES = (MatrixFactorization(), GraphConvolution(), Autoencoder(), RecencyAttention())

__all__ = ["FAMILIES", "Autoencoder", "GraphConvolution", "MatrixFactorization", "RecencyAttention"]
