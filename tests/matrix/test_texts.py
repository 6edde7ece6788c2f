"""What is written about items reaches the fit of a cell, under attack too, and a cell without it is skipped."""

import numpy as np

from recbench.contracts import Profiles
from recbench.matrix.cells import Lineup
from recbench.matrix.choices import Choice
from recbench.matrix.fit import fit
from recbench.matrix.suite import Suite
from recbench.store import Artifact


def test_titles_reach_a_recommender_that_is_fitted_to_poisoned_data(spec, artifact, prepared):
    fakes = Profiles.from_dense(np.eye(28, 1682, dtype=np.bool_))
    profiles = Artifact({"indptr": fakes.indptr, "items": fakes.items, "templates": np.arange(28)})
    arguments = {"dataset": "ml-100k", "seed": 0, "device": "cpu", "threads": 1, "replica": 0, "training": None}
    fitted = fit(
        arguments | {"recommender": spec("recommender", "OfYear")}, {"prepared": artifact, "profiles": profiles}
    )
    of_year = np.array(["(1997)" in title for title in prepared.catalog.titles])
    assert of_year.sum() > 200
    assert of_year[fitted.arrays["top"][:, :10]].all()


def test_a_text_recommender_is_skipped_on_data_without_titles(plugins):
    components = {c.name: c for c in plugins.components()}
    suite = Suite(name="s", version="1", datasets=("gowalla",), recommenders=("unisrec",))
    for dataset, reason in (("amazon-video-games", ""), ("gowalla", "needs data with titles")):
        lineup = Lineup(suite, Choice(components[dataset], {}), Choice(components["unisrec"], {}))
        assert reason in lineup.obstacle("cpu")
        assert bool(reason) == bool(lineup.obstacle("cpu"))
