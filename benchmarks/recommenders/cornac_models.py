"""A peer's part: Cornac on given interactions, in its own environment, started by table.py.

Prints the CPU seconds of the fit and saves the scores of all items for all users.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from cornac.data import Dataset
from cornac.models import BPR, EASE

MODELS = {
    "bpr": lambda seed: BPR(k=64, max_iter=150, learning_rate=0.01, lambda_reg=0.01, num_threads=1, seed=seed),
    "ease": lambda seed: EASE(lamb=500, seed=seed),
}

name, given, scores, seed = sys.argv[1:]
data = np.load(given)
n_users, n_items = (int(size) for size in data["shape"])
train = Dataset(
    num_users=n_users,
    num_items=n_items,
    uid_map={user: user for user in range(n_users)},
    iid_map={item: item for item in range(n_items)},
    uir_tuple=(data["users"], data["items"], np.ones(len(data["users"]), dtype=np.float32)),
)
model = MODELS[name](int(seed))
start = time.process_time()
model.fit(train)
seconds = time.process_time() - start
np.save(scores, np.stack([np.ravel(model.score(user)) for user in range(n_users)]).astype(np.float32))
print(seconds)
