"""The standard data sets: what each is called, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator

from recbench.hookspecs import Component, hookimpl


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
