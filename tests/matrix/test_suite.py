import tomllib
from pathlib import Path

import pytest

from recbench.errors import SuiteError
from recbench.matrix.prices import PRICES
from recbench.matrix.suite import CARRIED, load_suite

SMALLEST = 'name = "mine"\nversion = "1"\ndatasets = ["ml-100k"]\nrecommenders = ["ease"]\n'


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text, name="mine.toml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    return write


def refusal(reference) -> str:
    with pytest.raises(SuiteError) as caught:
        load_suite(reference)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("path", sorted(CARRIED[1].glob("*.toml")), ids=lambda path: path.stem)
def test_every_published_suite_is_found_by_its_name(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_suite(path.stem).name == path.stem


def test_every_published_suite_is_packed_into_the_wheel():
    folder = CARRIED[1]
    settings = tomllib.loads((folder.parent / "pyproject.toml").read_text())
    packed = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    names = [path.name for path in folder.glob("*.toml")] + [PRICES]
    assert packed == {f"leaderboards/{name}": f"recbench/suites/{name}" for name in names}


def test_the_smallest_suite_has_the_defaults_of_the_field(write):
    suite = load_suite(write(SMALLEST))
    assert suite.feedback == "implicit"
    assert suite.split.shares == (0.8, 0.1, 0.1)
    assert suite.threat.targets.strategy == "unpopular"


def test_a_suite_of_the_working_folder_comes_before_a_packaged_one(write):
    write(SMALLEST.replace("mine", "quick"), "leaderboards/quick.toml")
    assert load_suite("quick").recommenders == ("ease",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SMALLEST + "seeds = \n", ["mine.toml: line 5: 'seeds':"]),
        (SMALLEST + "[threat\n", ["mine.toml: line 5:"]),
        (SMALLEST + 'attackers = ["random"', ["mine.toml: line 5: 'attackers':"]),
        (SMALLEST + "seed = 2\n", ["mine.toml: line 5: unknown key 'seed'; did you mean 'seeds'?"]),
        (SMALLEST + "[split]\nkind = 'published'\n[kcore]\nusers = 5\n", ["kcore takes rows out of a published split"]),
        (SMALLEST.replace("recommenders", "recomenders"), ["unknown key 'recomenders'; did you mean 'recommenders'?"]),
        (
            SMALLEST + "[threat]\n\n[threat.targets]\ncuont = 3\n",
            ["line 8: unknown key 'threat.targets.cuont'; did you mean 'count'?"],
        ),
        (SMALLEST + "[kcore]\nuser = 3\n", ["line 6: unknown key 'kcore.user'; did you mean 'users'?"]),
        (SMALLEST + "seeds = 0\n", ["line 5: 'seeds': input should be greater than or equal to 1"]),
        (SMALLEST + "[threat]\nsizes = [0.03, 7]\n", ["line 6: 'threat.sizes.1'"]),
        (SMALLEST + "[split]\nshares = [0.8, 0.1, 0.3]\n", ["line 5: 'split'", "add up to 1"]),
        (SMALLEST + 'feedback = "both"\n', ["line 5: 'feedback'", "'implicit' or 'explicit'"]),
        (SMALLEST + 'feedback = "explicit"\npositive_from = 4\n', ["positive_from belongs to the implicit track"]),
        (SMALLEST.replace('["ease"]', "[]"), ["line 4: 'recommenders' is empty: the suite asks for nothing"]),
        ('name = "mine"\nversion = "1"\ndatasets = ["ml-100k"]\n', ["the key 'recommenders' is missing"]),
        (SMALLEST.replace('"mine"', '"my suite"'), ["line 1: 'name'"]),
        (SMALLEST + "[examples]\nattackers = []\n", ["line 6: 'examples.attackers' is empty"]),
        (SMALLEST + "[examples]\nattacker = []\n", ["line 6: unknown key 'examples.attacker'", "'attackers'"]),
    ],
    ids=lambda value: value[len(SMALLEST) :] if isinstance(value, str) else "",
)
def test_a_mistake_is_one_line_with_file_line_and_key(write, text, words):
    message = refusal(write(text))
    for word in ["mine.toml", *words]:
        assert word in message


def test_an_unknown_name_is_answered_with_the_nearest(write):
    assert "did you mean 'quick'?" in refusal("quikc")


def test_a_missing_file_is_named():
    assert "no suite file ./nowhere.toml" in refusal("./nowhere.toml")


def test_a_file_that_is_no_text_is_named(write):
    path = Path(write(""))
    path.write_bytes(b"\xff\xfe\x00")
    assert str(path) in refusal(str(path))


def test_the_command_line_replaces_axes_and_leaves_the_rest(write):
    suite = load_suite(write(SMALLEST + 'attackers = ["random"]\nseeds = 3\n'))
    changed = suite.override(recommenders=["bpr-mf"], seeds=1, sizes=[0.01, 0.05])
    assert changed.recommenders == ("bpr-mf",)
    assert changed.attackers == ("random",)
    assert (changed.seeds, changed.threat.sizes) == (1, (0.01, 0.05))
    assert suite.override() == suite


def test_an_impossible_override_is_a_suite_error(write):
    suite = load_suite(write(SMALLEST))
    with pytest.raises(SuiteError, match="the command line: 'seeds'"):
        suite.override(seeds=0)
