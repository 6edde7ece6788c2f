"""The peer's part: Cornac's BPR on given interactions. Runs in the peer's environment, started by bench_bpr_cornac.py.

For each seed on a line of standard input it fits, saves its scores of all items for all users, and answers with the
CPU seconds of the fit.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from cornac.data import Dataset
from cornac.models import BPR

data, scores = np.load(sys.argv[1]), sys.argv[2]
dim, lr, reg, epochs = int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5]), int(sys.argv[6])
n_users, n_items = (int(size) for size in data["shape"])
ones = np.ones(len(data["users"]), dtype=np.float32)
train = Dataset(
    num_users=n_users,
    num_items=n_items,
    uid_map={user: user for user in range(n_users)},
    iid_map={item: item for item in range(n_items)},
    uir_tuple=(data["users"], data["items"], ones),
)

for line in sys.stdin:
    model = BPR(k=dim, max_iter=epochs, learning_rate=lr, lambda_reg=reg, num_threads=1, seed=int(line))
    start = time.process_time()
    model.fit(train)
    seconds = time.process_time() - start
    np.save(scores, np.stack([model.score(user) for user in range(n_users)]).astype(np.float32))
    print(seconds, flush=True)
