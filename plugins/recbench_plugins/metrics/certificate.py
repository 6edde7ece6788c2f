"""What a certified defense proved, beside what attacks were seen to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import PositiveInt

from recbench.contracts import Metric, Outcome


@dataclass(frozen=True)
class CertificateMetric(Metric):
    """The share of a user's best k items that provably stay among them under e fake users (certified precision of Jia,
    Liu, Hu, Gong, "PORE", USENIX Security 2023, with a user's list in the place of the test items).

    `certified@k-fakes` is a mean over genuine users, and a guarantee for the data that was trained on: for what might
    be added to it. Of fakes that it already holds, it says nothing.

    Args:
        fakes: numbers e; those that the certificate does not reach are left out.
    """

    fakes: tuple[PositiveInt, ...] = (1, 5, 10)

    def __call__(self, outcome: Outcome) -> Mapping[str, float]:
        proved = outcome.certificate
        if proved is None or not len(proved.kept):
            return {}
        reached = [e for e in self.fakes if e <= proved.kept.shape[1]]
        return {f"certified@{proved.k}-{e}": float(proved.kept[:, e - 1].mean()) / proved.k for e in reached}
