"""A peer's part: implicit on given interactions, in its own environment, started by table.py.

Prints the CPU seconds of the fit and saves the scores of all items for all users.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import scipy.sparse as sp
from implicit.als import AlternatingLeastSquares

MODELS = {
    # The best of 18 settings on the validation part of ml-100k of bench_ml100k.py.
    "als": lambda seed: AlternatingLeastSquares(
        factors=64, alpha=5.0, regularization=40.0, iterations=8, num_threads=1, random_state=seed
    ),
}

name, given, scores, seed = sys.argv[1:]
data = np.load(given)
ones = np.ones(len(data["users"]), dtype=np.float32)
train = sp.csr_matrix((ones, (data["users"], data["items"])), shape=tuple(data["shape"]))
model = MODELS[name](int(seed))
start = time.process_time()
model.fit(train, show_progress=False)
print(time.process_time() - start)
np.save(scores, model.user_factors @ model.item_factors.T)
