from recbench.hookspecs import Component, hookimpl

RECBENCH_API = 1


@hookimpl
def recbench_recommenders():
    yield Component(
        kind="recommender",
        name="cooccurrence",
        factory="recbench_cooccurrence.model:Cooccurrence",
        family="neighbourhood",
        summary="items seen together with those in the history",
        reference="Linden, Smith, York, Amazon.com recommendations, IEEE Internet Computing 2003",
    )
