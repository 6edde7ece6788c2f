"""The standard metrics, by what they look at."""

from __future__ import annotations

from collections.abc import Iterator

from recbench.hookspecs import Component, hookimpl


@hookimpl
def recbench_metrics() -> Iterator[Component]:
    yield Component(
        "metric",
        "ranking",
        "recbench_plugins.metrics.ranking:RankingMetric",
        summary="recall, precision, F1, NDCG, hit ratio, MRR, MAP and coverage @k",
        reference="Järvelin, Kekäläinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS 2002",
    )
    yield Component(
        "metric",
        "rating",
        "recbench_plugins.metrics.rating:RatingMetric",
        requires_data=frozenset({"ratings"}),
        requires_recommender=frozenset({"ratings"}),
        summary="RMSE, MAE and the accuracy of like or dislike",
    )
    yield Component(
        "metric",
        "attack",
        "recbench_plugins.metrics.attack:AttackMetric",
        summary="the targets' rank gain in bits, exposure HR and NDCG @k, percentile and prediction shift",
        reference="O'Mahony et al., Collaborative recommendation: a robustness analysis, ACM TOIT 2004",
    )
    yield Component(
        "metric",
        "robustness",
        "recbench_plugins.metrics.robustness:RobustnessMetric",
        summary="utility lost against the clean twin, overlap of the lists with its lists",
        reference="Webber, Moffat, Zobel, A similarity measure for indefinite rankings, ACM TOIS 2010",
    )
    yield Component(
        "metric",
        "detection",
        "recbench_plugins.metrics.detection:DetectionMetric",
        summary="how well suspicion tells fakes from genuine users, and whom the defense removed",
    )
    yield Component(
        "metric",
        "stealth",
        "recbench_plugins.metrics.stealth:StealthMetric",
        summary="total variation and Jensen-Shannon divergence of fake from genuine profiles",
    )
    yield Component(
        "metric",
        "variety",
        "recbench_plugins.metrics.variety:VarietyMetric",
        summary="the share of the catalogue that fakes hold together, and of fakes that are no doubles",
    )
    yield Component(
        "metric",
        "certificate",
        "recbench_plugins.metrics.certificate:CertificateMetric",
        summary="the share of a user's best items that provably stay under e fake users, where a defense proved it",
        reference="Jia, Liu, Hu, Gong, PORE: provably robust recommender systems against data poisoning attacks, "
        "USENIX Security 2023",
    )
