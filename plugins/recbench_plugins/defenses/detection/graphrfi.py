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
    `ctx.examples`, or simulated as degree-sad does; they are trained on with the least weight and dropped afterwards.
    The forest is smaller.

    Measured with bpr-mf (32 dimensions, 20 epochs, 80/20, attacks of 3% on two items of at most 5 users, one split):
    clean NDCG@10 .391 to .397 on ml-100k and .525 to .524 on FilmTrust. Random profiles are found (AUC .99 and .94),
    but suspicion is seldom high enough to weigh them: rank gain .22 to .15 and 2.23 to 2.71 bits, the latter because
    the simulated fakes push cold items themselves (.22 bits without attack). Popular profiles, unlike any that are
    simulated, are not found (AUC .41 and .43; 1.51 to 1.53 and 4.64 to 4.73 bits). Training takes four times as long.

    Args:
        balance: λ, weight of the detection loss.
        warmup: epochs before the detector's beliefs count.
        trees, depth, hidden: of the forest; 80, 10 and 1,024 in the paper.
    """

    def detection(self, fake: Tensor, known: Labels, users: Tensor) -> Tensor:
        return binary_cross_entropy(fake, known.fake[users], reduction="none")
