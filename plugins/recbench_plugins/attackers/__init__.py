"""The standard attackers, by family."""

from __future__ import annotations

from collections.abc import Iterator

from recbench.hookspecs import Component, hookimpl

GOODFELLOW = "Goodfellow et al., Generative adversarial nets, NIPS 2014"


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
