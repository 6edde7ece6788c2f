"""GraphRfi: a recommender and a detector of fraudsters that learn from each other."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import binary_cross_entropy

from recbench_plugins.defenses.detection.joint_training import JointTraining, Labels


@dataclass(frozen=True)
class GraphRfi(JointTraining):
    """GraphRfi (Zhang, Yin, Chen, Nguyen, Huang, Cui, "GCN-based user representation learning for unifying robust
    recommendation and fraudster detection", SIGIR 2020, eq. 11-18).

    A neural forest gives P(fake | u) from the user's embedding and from the user's error under the recommender. The
    step descends

        λ mean of -log P(y_u | u) over users + mean of P(genuine | u) ℓ over the examples of u,

    so that whoever seems fake counts little and whoever cannot be explained seems fake.

    Departures. The recommender is the one to be protected, with its own loss, in place of the paper's attentive graph
    network of ratings. The features of users that the paper is given are, here, how popular their items are. Errors are
    measured once an epoch. Detection is a mean over the users of a batch: the paper's counts a user as often as the
    batch does. Weights are at least .05 and their mean is 1. The label of whoever is in the data is genuine; fakes are
    `ctx.examples`, or simulated as degree-sad does; they are trained on with the least weight and judged and scored by
    nobody, but remain nodes of a graph model's graph. The forest is smaller.

    Measured with bpr-mf (32 dimensions, 20 epochs, 80/20, attacks of 3% on two items of at most 5 users; ml-100k on
    three splits, FilmTrust on two): random profiles are found badly (AUC .77 and .57). The label itself is in sight:
    who is labelled weighs least, so that the embedding stays short and the error high, as with no other fake.
    Suspicion is hardly ever high enough to weigh anyone: on ml-100k the rank gain is .24 without and .17 bits with it,
    of popular profiles, which are not found (AUC .03), 1.52 and 1.51. Training takes six times as long.

    Args:
        balance: λ, weight of the detection loss.
        warmup: epochs before the detector's beliefs count.
        trees, depth, hidden: of the forest; 80, 10 and 1,024 in the paper.
    """

    def detection(self, fake: Tensor, known: Labels, users: Tensor) -> Tensor:
        return binary_cross_entropy(fake, known.fake[users], reduction="none")
