"""The standard plugins: what recbench itself offers, by the same hooks as anyone's."""

from __future__ import annotations

from collections.abc import Iterator

from recbench.hookspecs import Component, hookimpl

RECBENCH_API = 1

GOODFELLOW = "Goodfellow et al., Generative adversarial nets, NIPS 2014"


@hookimpl
def recbench_datasets() -> Iterator[Component]:
    yield Component(
        "dataset",
        "ml-100k",
        "recbench_plugins.datasets.ml_100k:MovieLens100K",
        provides=frozenset({"ratings", "timestamps", "titles", "genres"}),
        family="movies",
        summary="MovieLens 100K: 100,000 ratings of 1,682 films by 943 users",
        reference="Harper, Konstan, The MovieLens datasets: history and context, ACM TiiS 2015",
    )
    yield Component(
        "dataset",
        "filmtrust",
        "recbench_plugins.datasets.filmtrust:FilmTrust",
        provides=frozenset({"ratings"}),
        family="movies",
        summary="FilmTrust: 35,494 ratings of 2,071 films by 1,508 users",
        reference="Guo, Zhang, Yorke-Smith, A novel Bayesian similarity measure for recommender systems, IJCAI 2013",
    )


@hookimpl
def recbench_recommenders() -> Iterator[Component]:
    yield Component(
        "recommender",
        "popularity",
        "recbench_plugins.recommenders.popularity:Popularity",
        family="heuristic",
        summary="the most popular items for everyone",
    )
    yield Component(
        "recommender",
        "item-knn",
        "recbench_plugins.recommenders.item_knn:ItemKNN",
        family="neighbourhood",
        summary="items similar to those in the user's history",
        reference="Deshpande, Karypis, Item-based top-N recommendation algorithms, ACM TOIS 2004",
    )
    yield Component(
        "recommender",
        "ease",
        "recbench_plugins.recommenders.ease:EASE",
        family="linear",
        summary="ridge regression of every item on all others, in closed form",
        reference="Steck, Embarrassingly shallow autoencoders for sparse data, WWW 2019",
    )
    yield Component(
        "recommender",
        "bpr-mf",
        "recbench_plugins.recommenders.bpr_mf:BPRMF",
        provides=frozenset({"differentiable"}),
        family="factorization",
        summary="matrix factorization trained on pairs of items",
        reference="Rendle et al., BPR: Bayesian personalized ranking from implicit feedback, UAI 2009",
    )
    yield Component(
        "recommender",
        "wmf-sgd",
        "recbench_plugins.recommenders.wmf_sgd:WMFSGD",
        provides=frozenset({"differentiable"}),
        family="factorization",
        summary="weighted matrix factorization, trained by gradient as in Tang, Wen, Wang, RecSys 2020",
        reference="Hu, Koren, Volinsky, Collaborative filtering for implicit feedback datasets, ICDM 2008",
    )


@hookimpl
def recbench_attackers() -> Iterator[Component]:
    yield Component(
        "attacker",
        "random",
        "recbench_plugins.attackers.heuristic.random:Random",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"statistics"}),
        family="control",
        summary="targets and random fillers: a control",
        reference="Lam, Riedl, Shilling recommender systems for fun and profit, WWW 2004",
    )
    yield Component(
        "attacker",
        "popular",
        "recbench_plugins.attackers.heuristic.popular:Popular",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"statistics"}),
        family="heuristic",
        summary="targets and the most popular items: the baseline to beat",
        reference="O'Mahony, Hurley, Silvestre, Recommender systems: attack types and strategies, AAAI 2005",
    )
    yield Component(
        "attacker",
        "copy",
        "recbench_plugins.attackers.heuristic.copy:Copy",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions"}),
        family="control",
        summary="targets added to copies of genuine profiles: a control",
    )
    yield Component(
        "attacker",
        "unrolled-gradient",
        "recbench_plugins.attackers.gradient.unrolled_gradient:UnrolledGradient",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions", "surrogate"}),
        family="gradient",
        summary="gradient of the targets' scores through the surrogate's whole training",
        reference="Tang, Wen, Wang, Revisiting adversarially learned injection attacks, RecSys 2020",
    )
    yield Component(
        "attacker",
        "gan",
        "recbench_plugins.attackers.gan.gan:GAN",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions", "surrogate"}),
        family="gan",
        summary="profiles that a discriminator cannot tell from genuine ones and that raise the targets",
        reference=GOODFELLOW,
    )
    yield Component(
        "attacker",
        "gan-untrained",
        "recbench_plugins.attackers.gan.gan:UntrainedGAN",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions", "surrogate"}),
        family="control",
        summary="the generator of 'gan' before its first step: a control",
        reference=GOODFELLOW,
    )


@hookimpl
def recbench_defenses() -> Iterator[Component]:
    yield Component(
        "defense",
        "pca-varselect",
        "recbench_plugins.defenses.detection.pca_varselect:PCAVarSelect",
        provides=frozenset({"sanitizer"}),
        family="detection",
        summary="removes the users with the least part in the leading principal components",
        reference="Mehta, Nejdl, Unsupervised strategies for shilling detection, UMUAI 2009",
    )
    yield Component(
        "defense",
        "adversarial-training",
        "recbench_plugins.defenses.training.adversarial_training:AdversarialTraining",
        provides=frozenset({"robust-training"}),
        requires_recommender=frozenset({"differentiable"}),
        family="training",
        summary="trains against the worst perturbation of the embeddings in a ball",
        reference="He, He, Du, Chua, Adversarial personalized ranking for recommendation, SIGIR 2018",
    )


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
