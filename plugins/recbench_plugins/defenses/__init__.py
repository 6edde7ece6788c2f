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
        "adversarial-training",
        "recbench_plugins.defenses.training.adversarial_training:AdversarialTraining",
        provides=frozenset({"robust-training"}),
        requires_recommender=frozenset({"differentiable"}),
        family="training",
        summary="trains against the worst perturbation of the embeddings in a ball",
        reference="He, He, Du, Chua, Adversarial personalized ranking for recommendation, SIGIR 2018",
    )
