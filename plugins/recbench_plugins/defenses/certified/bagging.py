"""What fake users can do to a vote of models that each saw a random sample of the users.

Jia, Liu, Hu, Gong, "PORE: provably robust recommender systems against data poisoning attacks", USENIX Security 2023,
section 4. With q_i the probability that a model lists item i for a user who is in its sample, and ρ the probability
that no fake is in that sample, e fakes change q to q' with

    q'_i >= ρ q_i   and   the sum of q' over c items <= ρ · the sum of q over them + min(c, listed) (1 - ρ),

because a sample without fakes is as likely as any other, and one with fakes lists `listed` items at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainccinv, betaincinv

Floats = NDArray[np.floating[Any]]


def chance_of_none(n_users: int, sample: int, fakes: NDArray[np.integer]) -> Floats:
    """ρ for each number of fakes: that none is among the other `sample - 1` users in the sample of a given one."""
    joined = np.arange(1, int(fakes.max(initial=0)) + 1)
    steps = np.concatenate([[1.0], (n_users + joined - sample) / (n_users + joined - 1)])
    return np.asarray(np.cumprod(np.maximum(steps, 0.0))[fakes])


@dataclass(frozen=True, eq=False)
class Intervals:
    """Simultaneous confidence bounds of probabilities, by how often each was seen in how many trials.

    Clopper, Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", Biometrika
    1934, one-sided on either side.

    Args:
        miss: the probability with which one bound may be wrong.
        trials: the most.
    """

    miss: float
    trials: int

    def __post_init__(self) -> None:
        count = np.arange(self.trials + 1)
        seen, of = count[None, :], count[:, None]
        with np.errstate(invalid="ignore"):
            low = np.where(seen > 0, betaincinv(seen, of - seen + 1, self.miss), 0.0)
            high = np.where(seen < of, betainccinv(seen + 1, of - seen, self.miss), 1.0)
        object.__setattr__(self, "_bounds", (low, high))

    def of(self, seen: NDArray[np.integer], trials: NDArray[np.integer]) -> tuple[Floats, Floats]:
        """Lower and upper bounds, shaped as `seen`, which broadcasts with `trials`."""
        low, high = self._bounds  # type: ignore[attr-defined]
        return low[trials, seen], high[trials, seen]


def kept(inside: Floats, outside: Floats, none: Floats, listed: int) -> NDArray[np.int32]:
    """How many of each user's k recommended items provably stay among the k that the vote ranks first.

    At least r of them stay if r is certified: otherwise k - r + 1 are out, one of the r strongest among them, and as
    many items from outside are in, whose q' is then no less than ρ q_r, q_r the weakest of the r. The k - r + 1 most
    probable ones could do so best; of these, any c (the least probable are the hardest to lift) have at most the sum
    above. So r is certified if for some c

        ρ q_r > (ρ · the sum of q over the c least probable of them + min(c, listed) (1 - ρ)) / c.

    The paper tests two values of c; the proof holds for each, so that all may be tried.

    Args:
        inside: [n, k] lower bounds of q of the recommended items, falling along each row.
        outside: [n, k] upper bounds of q of the k other items with the largest, falling; -inf where there are fewer.
        none: [e] ρ for each number of fakes.
        listed: items that each model lists.

    Returns:
        [n, e].
    """
    n, k = inside.shape
    counts = np.zeros((n, len(none)), dtype=np.int32)
    for r in range(1, k + 1):
        weakest_first = outside[:, : k - r + 1][:, ::-1]
        c = np.arange(1, k - r + 2)
        sums = np.cumsum(weakest_first, axis=1)
        for column, rho in enumerate(none):
            lifted = (rho * sums + np.minimum(c, listed) * (1 - rho)) / c if rho > 0 else np.full_like(sums, np.inf)
            counts[rho * inside[:, r - 1] > lifted.min(axis=1), column] = r
    return counts
