"""The standard attackers, by family."""

from __future__ import annotations

from collections.abc import Iterator

from recbench.hookspecs import Component, hookimpl

LAM = "Lam, Riedl, Shilling recommender systems for fun and profit, WWW 2004"
MOBASHER = "Mobasher, Burke, Bhaumik, Williams, Toward trustworthy recommender systems, ACM TOIT 2007"
GOODFELLOW = "Goodfellow et al., Generative adversarial nets, NIPS 2014"
APR = "He, He, Du, Chua, Adversarial personalized ranking for recommendation, SIGIR 2018"

NUKES_BY_RATING = frozenset({"push", "degrade", "nuke:explicit"})
"""Of attacks whose profiles hold the targets: a rating can lower a target, a click can only raise it."""


@hookimpl
def recbench_attackers() -> Iterator[Component]:
    yield Component(
        "attacker",
        "random",
        "recbench_plugins.attackers.heuristic.random:Random",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"statistics"}),
        goals=NUKES_BY_RATING,
        family="control",
        summary="targets and random fillers: a control",
        reference=LAM,
    )
    yield Component(
        "attacker",
        "average",
        "recbench_plugins.attackers.heuristic.average:Average",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"statistics"}),
        goals=NUKES_BY_RATING,
        family="heuristic",
        summary="targets and fillers rated as they usually are",
        reference=LAM,
    )
    yield Component(
        "attacker",
        "popular",
        "recbench_plugins.attackers.heuristic.popular:Popular",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"statistics"}),
        goals=NUKES_BY_RATING,
        family="heuristic",
        summary="targets and the most popular items: the baseline to beat",
        reference="O'Mahony, Hurley, Silvestre, Recommender systems: attack types and strategies, AAAI 2005",
    )
    yield Component(
        "attacker",
        "bandwagon",
        "recbench_plugins.attackers.heuristic.bandwagon:Bandwagon",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"statistics"}),
        goals=frozenset({"push", "degrade"}),
        family="heuristic",
        summary="targets, widely rated items and random fillers",
        reference=MOBASHER,
    )
    yield Component(
        "attacker",
        "segment",
        "recbench_plugins.attackers.heuristic.segment:Segment",
        version="2",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions"}),
        goals=frozenset({"push"}),
        family="heuristic",
        summary="targets and what those who like their kind like",
        reference="Burke, Mobasher, Bhaumik, Williams, Segment-based injection attacks, ICDM 2005",
    )
    yield Component(
        "attacker",
        "love-hate",
        "recbench_plugins.attackers.heuristic.love_hate:LoveHate",
        provides=frozenset({"poisoning"}),
        goals=frozenset({"nuke"}),
        feedback=frozenset({"explicit"}),
        family="heuristic",
        summary="targets at the bottom of the rating scale, everything else at its top: a nuke",
        reference=MOBASHER,
    )
    yield Component(
        "attacker",
        "reverse-bandwagon",
        "recbench_plugins.attackers.heuristic.reverse_bandwagon:ReverseBandwagon",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"statistics"}),
        goals=frozenset({"nuke"}),
        feedback=frozenset({"explicit"}),
        family="heuristic",
        summary="targets beside widely rated items that are disliked: a nuke",
        reference=MOBASHER,
    )
    yield Component(
        "attacker",
        "power-user",
        "recbench_plugins.attackers.heuristic.power_user:PowerUser",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions"}),
        goals=NUKES_BY_RATING,
        family="heuristic",
        summary="targets in the profiles of the most influential users",
        reference="Wilson, Seminario, When power users attack, RecSys 2013",
    )
    yield Component(
        "attacker",
        "obfuscated",
        "recbench_plugins.attackers.heuristic.obfuscated:Obfuscated",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"statistics"}),
        feedback=frozenset({"explicit"}),
        family="heuristic",
        summary="a heuristic attack whose ratings are moved to escape detection",
        reference="Williams, Mobasher, Burke, Sandvig, Bhaumik, Detection of obfuscated attacks, ECAI workshop 2006",
    )
    yield Component(
        "attacker",
        "copy",
        "recbench_plugins.attackers.heuristic.copy:Copy",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions"}),
        goals=NUKES_BY_RATING,
        family="control",
        summary="targets added to copies of genuine profiles: a control",
    )
    yield Component(
        "attacker",
        "adaptive",
        "recbench_plugins.attackers.adaptive.best_of_n:BestOfN",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions", "surrogate", "defense"}),
        goals=frozenset({"push", "nuke:explicit"}),
        family="adaptive",
        summary="the best of N poisons, each tried on the deployed defense",
        reference="Carlini et al., On evaluating adversarial robustness, arXiv 1902.06705, 2019",
    )
    yield Component(
        "attacker",
        "unrolled-gradient",
        "recbench_plugins.attackers.gradient.unrolled_gradient:UnrolledGradient",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions", "surrogate"}),
        goals=frozenset({"push", "nuke"}),
        feedback=frozenset({"implicit"}),
        family="gradient",
        summary="gradient of the targets' scores through the surrogate's whole training",
        reference="Tang, Wen, Wang, Revisiting adversarially learned injection attacks, RecSys 2020",
    )
    yield Component(
        "attacker",
        "dpa2dl",
        "recbench_plugins.attackers.gradient.dpa2dl:DPA2DL",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions", "surrogate"}),
        goals=frozenset({"push"}),
        feedback=frozenset({"implicit"}),
        family="gradient",
        summary="what a model that already recommends the targets would give the fakes",
        reference="Huang et al., Data poisoning attacks to deep learning based recommender systems, NDSS 2021",
    )
    yield Component(
        "attacker",
        "pga",
        "recbench_plugins.attackers.gradient.pga:PGA",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions"}),
        goals=frozenset({"push", "nuke:explicit"}),
        family="gradient",
        summary="gradient through the stationary point of alternating least squares",
        reference="Li, Wang, Singh, Vorobeychik, Data poisoning attacks on factorization-based CF, NIPS 2016",
    )
    yield Component(
        "attacker",
        "rapu-r",
        "recbench_plugins.attackers.gradient.rapu_r:RAPUR",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions"}),
        goals=frozenset({"push"}),
        feedback=frozenset({"implicit"}),
        family="gradient",
        summary="what a surrogate would give an average user who is drawn towards the targets",
        reference="Zhang et al., Data poisoning attack against recommender system, KDD 2021",
    )
    yield Component(
        "attacker",
        "rapu-g",
        "recbench_plugins.attackers.gradient.rapu_g:RAPUG",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions"}),
        goals=frozenset({"push"}),
        feedback=frozenset({"implicit"}),
        family="gradient",
        summary="gradient through a surrogate that gives no weight to what seems missing or perturbed",
        reference="Zhang et al., Data poisoning attack against recommender system, KDD 2021",
    )
    yield Component(
        "attacker",
        "clear",
        "recbench_plugins.attackers.gradient.clear:CLeaR",
        version="2",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions", "surrogate"}),
        goals=frozenset({"push"}),
        feedback=frozenset({"implicit"}),
        family="gradient",
        summary="what a contrastive surrogate would give the fakes once its rows are spread and the targets promoted",
        reference="Wang et al., Unveiling vulnerabilities of contrastive recommender systems, KDD 2024",
    )
    yield Component(
        "attacker",
        "gan",
        "recbench_plugins.attackers.gan.gan:GAN",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions", "surrogate"}),
        goals=frozenset({"push", "nuke"}),
        feedback=frozenset({"implicit"}),
        family="gan",
        summary="profiles that a discriminator cannot tell from genuine ones and that raise the targets",
        reference=GOODFELLOW,
    )
    yield Component(
        "attacker",
        "wgan-gp",
        "recbench_plugins.attackers.gan.wgan_gp:WGANGP",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions"}),
        goals=frozenset({"push", "nuke"}),
        feedback=frozenset({"implicit"}),
        family="gan",
        summary="targets in profiles that a Wasserstein critic cannot tell from genuine ones",
        reference="Gulrajani et al., Improved training of Wasserstein GANs, NIPS 2017",
    )
    yield Component(
        "attacker",
        "aush",
        "recbench_plugins.attackers.gan.aush:AUSH",
        version="3",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions"}),
        goals=frozenset({"push"}),
        feedback=frozenset({"explicit"}),
        family="gan",
        summary="genuine profiles whose ratings of the targets' segment are generated",
        reference="Lin et al., Attacking recommender systems with augmented user profiles, CIKM 2020",
    )
    yield Component(
        "attacker",
        "leg-up",
        "recbench_plugins.attackers.gan.leg_up:LegUP",
        version="2",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions", "surrogate"}),
        goals=frozenset({"push", "nuke"}),
        feedback=frozenset({"explicit"}),
        family="gan",
        summary="genuine users' items, rated so as to move the targets on a surrogate",
        reference="Lin et al., Shilling black-box recommenders by learning to generate fake user profiles, TNNLS 2022",
    )
    yield Component(
        "attacker",
        "output-gan",
        "recbench_plugins.attackers.gan.output_gan:OutputGAN",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions"}),
        goals=frozenset({"push", "nuke"}),
        feedback=frozenset({"implicit"}),
        family="gan",
        summary="profiles after which a critic cannot tell the recommender's scores from those wished for",
        reference="a Wasserstein GAN (Gulrajani et al., NIPS 2017) on the recommender's outputs; ours",
    )
    yield Component(
        "attacker",
        "gan-untrained",
        "recbench_plugins.attackers.gan.gan:UntrainedGAN",
        provides=frozenset({"poisoning"}),
        knowledge=frozenset({"interactions", "surrogate"}),
        goals=frozenset({"push", "nuke"}),
        feedback=frozenset({"implicit"}),
        family="control",
        summary="the generator of 'gan' before its first step: a control",
        reference=GOODFELLOW,
    )
    yield Component(
        "attacker",
        "parameter-noise",
        "recbench_plugins.attackers.parameter.noise:ParameterNoise",
        provides=frozenset({"parameter"}),
        requires_recommender=frozenset({"differentiable"}),
        knowledge=frozenset({"victim"}),
        family="control",
        summary="rows of the victim's tables moved at random: a control",
        reference=APR,
    )
    yield Component(
        "attacker",
        "parameter-fgsm",
        "recbench_plugins.attackers.parameter.fgsm:ParameterFGSM",
        provides=frozenset({"parameter"}),
        requires_recommender=frozenset({"differentiable"}),
        knowledge=frozenset({"interactions", "victim"}),
        family="parameter",
        summary="rows of the victim's tables moved along their gradient: a probe",
        reference=APR,
    )
    yield Component(
        "attacker",
        "parameter-pgd",
        "recbench_plugins.attackers.parameter.pgd:ParameterPGD",
        provides=frozenset({"parameter"}),
        requires_recommender=frozenset({"differentiable"}),
        knowledge=frozenset({"interactions", "victim"}),
        family="parameter",
        summary="rows of the victim's tables moved in many small steps: a probe",
        reference="Anelli, Bellogin, Deldjoo, Di Noia, Merra, Multi-step adversarial perturbations on recommender "
        "systems embeddings, FLAIRS 2021",
    )
    yield Component(
        "attacker",
        "random-insertion",
        "recbench_plugins.attackers.evasion.random_insertion:RandomInsertion",
        provides=frozenset({"evasion"}),
        requires_recommender=frozenset({"sequential"}),
        family="control",
        summary="random items added to what a sequence model reads: a control",
    )
    yield Component(
        "attacker",
        "evasion-fgsm",
        "recbench_plugins.attackers.evasion.fgsm:EvasionFGSM",
        provides=frozenset({"evasion"}),
        requires_recommender=frozenset({"differentiable", "sequential"}),
        knowledge=frozenset({"victim"}),
        goals=frozenset({"push", "nuke"}),
        family="evasion",
        summary="items added to what a sequence model reads, chosen by one gradient",
        reference="Goodfellow, Shlens, Szegedy, Explaining and harnessing adversarial examples, ICLR 2015; Ebrahimi, "
        "Rao, Lowd, Dou, HotFlip, ACL 2018",
    )
    yield Component(
        "attacker",
        "evasion-pgd",
        "recbench_plugins.attackers.evasion.pgd:EvasionPGD",
        provides=frozenset({"evasion"}),
        requires_recommender=frozenset({"differentiable", "sequential"}),
        knowledge=frozenset({"victim"}),
        goals=frozenset({"push", "nuke"}),
        family="evasion",
        summary="items added to what a sequence model reads, by projected gradient descent on relaxed ones",
        reference="Madry, Makelov, Schmidt, Tsipras, Vladu, Towards deep learning models resistant to adversarial "
        "attacks, ICLR 2018",
    )
    yield Component(
        "attacker",
        "greedy-insertion",
        "recbench_plugins.attackers.evasion.greedy:GreedyInsertion",
        provides=frozenset({"evasion"}),
        requires_recommender=frozenset({"sequential"}),
        knowledge=frozenset({"queries"}),
        goals=frozenset({"push", "nuke"}),
        family="evasion",
        summary="items added to what a sequence model reads where its lists say that they help",
        reference="Yue, He, Zeng, McAuley, Black-box attacks on sequential recommenders via data-free model "
        "extraction, RecSys 2021",
    )
