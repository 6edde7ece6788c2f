"""The standard defenses: detection before training, and robust training."""

from __future__ import annotations

from collections.abc import Iterator

from recbench.hookspecs import Component, hookimpl


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
        "isolation-forest",
        "recbench_plugins.defenses.detection.isolation_forest:AttributeForest",
        provides=frozenset({"sanitizer"}),
        family="detection",
        summary="isolation forest on the classic shilling attributes",
        reference="Liu, Ting, Zhou, Isolation forest, ICDM 2008; Burke et al., Classification features, KDD 2006",
    )
    yield Component(
        "defense",
        "one-class-svm",
        "recbench_plugins.defenses.detection.one_class_svm:AttributeSVM",
        provides=frozenset({"sanitizer"}),
        family="detection",
        summary="one-class support vector machine on the classic shilling attributes",
        reference="Schölkopf et al., Estimating the support of a high-dimensional distribution, Neural Computation 2001",
    )
    yield Component(
        "defense",
        "lof",
        "recbench_plugins.defenses.detection.lof:AttributeLOF",
        provides=frozenset({"sanitizer"}),
        family="detection",
        summary="local outlier factor on the classic shilling attributes",
        reference="Breunig et al., LOF: identifying density-based local outliers, SIGMOD 2000",
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
