"""The standard defenses: detection before training, robust training, and certified training."""

from __future__ import annotations

from collections.abc import Iterator

from recbench.hookspecs import Component, hookimpl

DENOISING = "Wang, Feng, He, Nie, Chua, Denoising implicit feedback for recommendation, WSDM 2021"


@hookimpl
def recbench_defenses() -> Iterator[Component]:
    yield Component(
        "defense",
        "pca-varselect",
        "recbench_plugins.defenses.detection.pca_varselect:PCAVarSelect",
        version="2",
        provides=frozenset({"sanitizer"}),
        family="detection",
        summary="removes the users with the least part in the leading principal components",
        reference="Mehta, Nejdl, Unsupervised strategies for shilling detection, UMUAI 2009",
    )
    yield Component(
        "defense",
        "activity-filter",
        "recbench_plugins.defenses.detection.activity_filter:ActivityFilter",
        provides=frozenset({"sanitizer"}),
        family="detection",
        summary="removes users of extraordinary activity, and users whom another one repeats",
    )
    yield Component(
        "defense",
        "fap",
        "recbench_plugins.defenses.detection.fap:FAP",
        version="2",
        provides=frozenset({"sanitizer"}),
        family="detection",
        summary="spreads suspicion over shared items, from the users whom pca-varselect suspects most",
        reference="Zhang et al., Catch the black sheep, IJCAI 2015",
    )
    yield Component(
        "defense",
        "degree-sad",
        "recbench_plugins.defenses.detection.degree_sad:DegreeSAD",
        provides=frozenset({"sanitizer", "supervised"}),
        family="detection",
        summary="decision trees on the popularity of a user's items, from the suite's examples or from simulated fakes",
        reference="Li et al., Shilling attack detection via selecting patterns analysis, IEICE Transactions 2016",
    )
    yield Component(
        "defense",
        "isolation-forest",
        "recbench_plugins.defenses.detection.isolation_forest:AttributeForest",
        version="2",
        provides=frozenset({"sanitizer"}),
        family="detection",
        summary="isolation forest on the classic shilling attributes",
        reference="Liu, Ting, Zhou, Isolation forest, ICDM 2008; Burke et al., Classification features, KDD 2006",
    )
    yield Component(
        "defense",
        "one-class-svm",
        "recbench_plugins.defenses.detection.one_class_svm:AttributeSVM",
        version="2",
        provides=frozenset({"sanitizer"}),
        family="detection",
        summary="one-class support vector machine on the classic shilling attributes",
        reference="Schölkopf et al., Estimating the support of a distribution, Neural Computation 2001",
    )
    yield Component(
        "defense",
        "lof",
        "recbench_plugins.defenses.detection.lof:AttributeLOF",
        version="2",
        provides=frozenset({"sanitizer"}),
        family="detection",
        summary="local outlier factor on the classic shilling attributes",
        reference="Breunig et al., LOF: identifying density-based local outliers, SIGMOD 2000",
    )
    yield Component(
        "defense",
        "gan-discriminator",
        "recbench_plugins.defenses.detection.gan_discriminator:GANDiscriminator",
        version="2",
        provides=frozenset({"sanitizer"}),
        family="detection",
        summary="suspects whom the discriminator of a GAN, trained on the data as given, scores unlike the rest",
        reference="Goodfellow et al., Generative adversarial nets, NIPS 2014",
    )
    yield Component(
        "defense",
        "graphrfi",
        "recbench_plugins.defenses.detection.graphrfi:GraphRfi",
        version="2",
        provides=frozenset({"robust-training", "supervised"}),
        requires_recommender=frozenset({"differentiable"}),
        family="detection",
        summary="trains a neural forest that detects fakes jointly with the recommender, whose losses it weighs",
        reference="Zhang et al., GCN-based user representation learning for unifying robust recommendation and "
        "fraudster detection, SIGIR 2020",
    )
    yield Component(
        "defense",
        "pdr",
        "recbench_plugins.defenses.detection.pdr:PDR",
        version="2",
        provides=frozenset({"robust-training", "supervised"}),
        requires_recommender=frozenset({"differentiable"}),
        family="detection",
        summary="graphrfi with labels that are beliefs, which the detector revises",
        reference="Lai et al., Towards adversarially robust recommendation from adaptive fraudster detection, IEEE "
        "TIFS 2023",
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
    yield Component(
        "defense",
        "vat",
        "recbench_plugins.defenses.training.vat:VAT",
        version="2",
        provides=frozenset({"robust-training"}),
        requires_recommender=frozenset({"differentiable"}),
        family="training",
        summary="adversarial training that perturbs the users who are fitted best the most",
        reference="Zhang et al., Improving the shortest plank: vulnerability-aware adversarial training, RecSys 2024",
    )
    yield Component(
        "defense",
        "pamacf",
        "recbench_plugins.defenses.training.pamacf:PamaCF",
        version="2",
        provides=frozenset({"robust-training"}),
        requires_recommender=frozenset({"differentiable"}),
        family="training",
        summary="adversarial training that perturbs the users with the longest embeddings the most",
        reference="Zhang et al., Understanding and improving adversarial collaborative filtering for robust "
        "recommendation, NeurIPS 2024",
    )
    yield Component(
        "defense",
        "apt",
        "recbench_plugins.defenses.training.apt:APT",
        version="2",
        provides=frozenset({"robust-training"}),
        requires_recommender=frozenset({"differentiable"}),
        family="training",
        summary="adds benign users, made anew while training, whose items lower the empirical risk",
        reference="Wu et al., Fight fire with fire: towards robust recommender systems via adversarial poisoning "
        "training, SIGIR 2021",
    )
    yield Component(
        "defense",
        "generated-profiles",
        "recbench_plugins.defenses.training.generated_profiles:GeneratedProfiles",
        provides=frozenset({"robust-training"}),
        requires_recommender=frozenset({"differentiable"}),
        family="training",
        summary="simulates attacks round by round and teaches the model not to link their fillers to their targets",
        reference="after Goodfellow, Shlens, Szegedy, Explaining and harnessing adversarial examples, ICLR 2015",
    )
    yield Component(
        "defense",
        "gan-augmentation",
        "recbench_plugins.defenses.training.gan_augmentation:GANAugmentation",
        provides=frozenset({"robust-training"}),
        requires_recommender=frozenset({"differentiable"}),
        family="training",
        summary="adds interactions that a collaborative GAN finds missing, where accuracy rises; copies the poison",
        reference="Chae, Kang, Kim, Lee, CFGAN: a generic collaborative filtering framework based on generative "
        "adversarial networks, CIKM 2018",
    )
    yield Component(
        "defense",
        "truncated-loss",
        "recbench_plugins.defenses.training.truncated_loss:TruncatedLoss",
        provides=frozenset({"robust-training"}),
        requires_recommender=frozenset({"differentiable"}),
        family="training",
        summary="leaves the examples with the largest losses out of every step",
        reference=DENOISING,
    )
    yield Component(
        "defense",
        "reweighted-loss",
        "recbench_plugins.defenses.training.reweighted_loss:ReweightedLoss",
        provides=frozenset({"robust-training"}),
        requires_recommender=frozenset({"differentiable"}),
        family="training",
        summary="lets examples count the less, the larger their loss",
        reference=DENOISING,
    )
    yield Component(
        "defense",
        "median-of-means",
        "recbench_plugins.defenses.training.median_of_means:MedianOfMeans",
        provides=frozenset({"robust-training"}),
        requires_recommender=frozenset({"differentiable"}),
        family="training",
        summary="combines the gradients of groups of users by a median",
        reference="Yin et al., Byzantine-robust distributed learning, ICML 2018",
    )
    yield Component(
        "defense",
        "pore",
        "recbench_plugins.defenses.certified.pore:PORE",
        version="2",
        provides=frozenset({"robust-training"}),
        family="certified",
        summary="a vote of models trained on samples of the users, with a certificate of what stays recommended",
        reference="Jia, Liu, Hu, Gong, PORE: provably robust recommender systems against data poisoning attacks, "
        "USENIX Security 2023",
    )
