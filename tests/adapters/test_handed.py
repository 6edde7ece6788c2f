import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from recbench.adapters import Handed, adapt, hand_over
from recbench.contracts import FitContext
from recbench.errors import PluginError
from recbench.specs import build, resolved_params

from .doubles import Counts

CONTEXT = FitContext(seed=3)
USERS = np.arange(5)

HAND_OVER = """
    import json, sys
    from dataclasses import asdict
    from pathlib import Path
    from recbench.adapters import hand_over
    {definition}
    component, params = hand_over(TwoStep(), Path("handed"))
    print(json.dumps([component.name, component.version, component.factory, params]))
    """

DEFINITION = """
    import numpy as np
    import parts

    class TwoStep:
        def fit(self, matrix):
            self.popularity = parts.popularity(matrix)
        def score(self, users):
            return np.tile(self.popularity, (len(users), 1))
    """

PARTS = "def popularity(matrix):\n    return {scale} * matrix.sum(axis=0).A1\n"


@pytest.fixture
def handed_by_a_script(tmp_path):
    """What a script, whose class and own module no other process can import, handed over."""

    def run(scale=1.0, where="__main__"):
        (tmp_path / "parts.py").write_text(PARTS.format(scale=scale))
        if where == "__main__":
            source = dedent(HAND_OVER).format(definition=dedent(DEFINITION))
        else:
            (tmp_path / f"{where}.py").write_text(dedent(DEFINITION))
            source = dedent(HAND_OVER).format(definition=f"from {where} import TwoStep")
        (tmp_path / "script.py").write_text(source)
        command = [sys.executable, "-B", "script.py"]
        finished = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
        return json.loads(finished.stdout)

    return run


@pytest.mark.parametrize("where", ["__main__", "module_beside_the_script"])
def test_an_object_reaches_a_process_that_cannot_import_its_class(handed_by_a_script, interactions, where):
    name, _, factory, params = handed_by_a_script(where=where)
    train = interactions["implicit"]
    assert (name, factory) == ("two-step", "recbench.adapters.handed:Handed")
    scores = Handed(**params).fit(train, CONTEXT).score(USERS)
    assert (scores == train.item_counts).all()
    assert "parts" not in sys.modules


def test_the_version_is_that_of_the_code_and_the_same_in_every_process(handed_by_a_script):
    first, again, edited = (handed_by_a_script(scale)[1] for scale in (1.0, 1.0, 2.0))
    assert first == again != edited


def test_the_version_is_that_of_the_parameters_too(tmp_path):
    versions = [hand_over(Counts(random_state=seed), tmp_path)[0].version for seed in (1, 1, 2)]
    assert versions[0] == versions[1] != versions[2]


def test_parameters_that_look_like_a_mark_of_cloudpickles_count_like_others(tmp_path):
    versions = [hand_over(Counts(random_state=state * 32), tmp_path)[0].version for state in ("a", "a", "b")]
    assert versions[0] == versions[1] != versions[2]


def test_what_is_handed_over_is_built_and_fitted_like_the_object(tmp_path, interactions):
    train = interactions["explicit"]
    component, params = hand_over(Counts(), tmp_path / "new folder")
    handed = build(component, resolved_params(component, params))
    assert component.name == "counts"
    for _ in range(2):
        given = handed.fit(train, CONTEXT).score(USERS)
        assert (given == adapt(Counts()).fit(train, CONTEXT).score(USERS)).all()


def test_a_file_that_is_not_what_was_handed_over_is_never_loaded(tmp_path, interactions):
    _, params = hand_over(Counts(), tmp_path)
    Path(params["path"]).write_bytes(b"cposix\nsystem\n(S'touch owned'\ntR.")
    with pytest.raises(PluginError, match="is not the object that was handed over; hand it over again"):
        Handed(**params).fit(interactions["implicit"], CONTEXT)
    Path(params["path"]).unlink()
    with pytest.raises(PluginError, match="cannot be read: No such file"):
        Handed(**params).fit(interactions["implicit"], CONTEXT)


def test_what_is_no_recommender_or_cannot_be_pickled_is_refused_at_once(tmp_path):
    with pytest.raises(PluginError, match="object cannot be a victim"):
        hand_over(object(), tmp_path)
    model = Counts()
    model.log = (tmp_path / "log").open("w")
    with model.log, pytest.raises(PluginError, match=r"Counts cannot be handed to a worker .*as ./mine.py:FUNCTION"):
        hand_over(model, tmp_path)
    assert not list(tmp_path.glob("*.pkl"))
