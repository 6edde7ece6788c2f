import pytest
from distributions import write_distribution

from recbench.component import Component
from recbench.errors import PluginError
from recbench.plugins import load_plugins

GOOD = """
    @hookimpl
    def recbench_recommenders():
        yield Component("recommender", "zeta", "good_package.zeta:Zeta", summary="last of the Greek")
        yield Component("recommender", "alpha", "good_package.alpha:Alpha")

    @hookimpl
    def recbench_metrics():
        return [Component("metric", "novelty", "good_package.novelty:Novelty")]
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    def install(plugin, source, version="1.0"):
        monkeypatch.syspath_prepend(str(write_distribution(tmp_path, plugin, source, version)))

    return install


def row(plugins, name):
    (found,) = (row for row in plugins.rows if row.name == name)
    return found


def test_the_standard_plugin_is_found_through_its_entry_point():
    standard = row(load_plugins(), "standard")
    assert (standard.status, standard.distribution) == ("active", "recbench")
    assert {component.kind for component in standard.components} >= {"dataset", "recommender", "attacker", "defense"}


def test_components_of_every_plugin_are_sorted_by_kind_and_name(install):
    install("good", GOOD)
    plugins = load_plugins(disabled=["standard"])
    assert [component.name for component in plugins.components()] == ["alpha", "zeta", "novelty"]
    assert [component.name for component in plugins.components("recommender")] == ["alpha", "zeta"]
    assert plugins.provider(plugins.get("recommender", "zeta")) == "good"
    assert plugins.provider(Component("recommender", "zeta", "another.zeta:Zeta")) == ""


BROKEN = {
    "raises on import": ("1 / 0", "ZeroDivisionError: division by zero"),
    "needs a missing library": ("import no_such_library", "No module named 'no_such_library'"),
    "is no Python": ("def", "SyntaxError"),
    "leaves on import": ("raise SystemExit(3)", "SystemExit: 3"),
    "raises in a generator": (
        """
        @hookimpl
        def recbench_datasets():
            yield Component("dataset", "tiny", "package:Tiny")
            raise OSError("no disk")
        """,
        "recbench_datasets: OSError: no disk",
    ),
    "leaves in a hook": (
        """
        @hookimpl
        def recbench_datasets():
            raise SystemExit
        """,
        "recbench_datasets: SystemExit",
    ),
    "yields rubbish": (
        """
        @hookimpl
        def recbench_metrics():
            yield "package:Metric"
        """,
        "recbench_metrics: yielded str instead of Component",
    ),
    "forgets to yield": (
        """
        @hookimpl
        def recbench_metrics():
            Component("metric", "m", "package:M")
        """,
        "recbench_metrics: TypeError: 'NoneType' object is not iterable",
    ),
    "yields another kind": (
        """
        @hookimpl
        def recbench_metrics():
            yield Component("attacker", "shill", "package:Shill")
        """,
        "recbench_metrics: yielded attacker 'shill'",
    ),
    "yields an impossible name": (
        """
        @hookimpl
        def recbench_metrics():
            yield Component("metric", "<script>", "package:M")
        """,
        "component name '<script>' must match",
    ),
    "pushes a goal that there is not": (
        """
        @hookimpl
        def recbench_attackers():
            yield Component("attacker", "shill", "package:Shill", goals={"promote"})
        """,
        "unknown goals ['promote']; one of push, nuke, degrade, push:implicit",
    ),
    "writes a track as a string": (
        """
        @hookimpl
        def recbench_attackers():
            yield Component("attacker", "shill", "package:Shill", feedback="explicit")
        """,
        "feedback is a set of words, not the string 'explicit'",
    ),
    "serves nothing": (
        """
        @hookimpl
        def recbench_attackers():
            yield Component("attacker", "shill", "package:Shill", goals=())
        """,
        "it serves no goal, or no track",
    ),
    "takes the reserved name": (
        """
        @hookimpl
        def recbench_attackers():
            yield Component("attacker", "none", "package:Nothing")
        """,
        "the name 'none' is reserved",
    ),
    "offers a name twice": (
        """
        @hookimpl
        def recbench_metrics():
            yield Component("metric", "m", "package:M")
            yield Component("metric", "m", "package:N")
        """,
        "offers metric 'm' twice",
    ),
    "mistypes a hook": (
        """
        @hookimpl
        def recbench_recomenders():
            yield Component("recommender", "r", "package:R")
        """,
        "unknown hook 'recbench_recomenders'; did you mean 'recbench_recommenders'?",
    ),
    "forgets the marker": (
        """
        def recbench_recommenders():
            yield Component("recommender", "r", "package:R")
        """,
        "recbench_recommenders is not marked with @hookimpl",
    ),
    "mistypes an argument": (
        """
        @hookimpl
        def recbench_cell_finished(recrod):
            print(recrod)
        """,
        "recrod",
    ),
}


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_one_failed_row_and_its_neighbours_work(install, source, reason):
    install("broken", source)
    install("good", GOOD)
    plugins = load_plugins()
    broken = row(plugins, "broken")
    assert (broken.status, broken.components) == ("failed", ())
    assert reason in broken.reason
    assert "\n" not in broken.reason
    assert row(plugins, "good").status == "active"
    assert plugins.get("recommender", "alpha").factory == "good_package.alpha:Alpha"


def test_a_failure_says_where_in_the_plugin_it_happened(install):
    install("broken", "\nvalue = 1\nassert value == 2")
    assert row(load_plugins(), "broken").reason.endswith(".py, line 4)")


def test_ctrl_c_while_plugins_load_is_not_a_broken_plugin(install):
    install("slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_plugins()


def test_a_plugin_for_other_contracts_is_incompatible(install):
    install("future", "RECBENCH_API = 99")
    future = row(load_plugins(), "future")
    assert future.status == "incompatible"
    assert future.reason == "written for plugin contracts 99; this recbench has 1"


def test_two_providers_of_one_name_are_both_named_and_neither_wins(install):
    install("good", GOOD)
    install("other", GOOD.replace("zeta", "omega").replace("novelty", "surprise"), version="2.0")
    plugins = load_plugins(disabled=["standard"])
    for name in ("good", "other"):
        assert row(plugins, name).status == "conflict"
        assert "plugin 'good' (good-dist 1.0) and plugin 'other' (other-dist 2.0)" in row(plugins, name).reason
    assert [component.name for component in plugins.components()] == ["omega", "zeta", "novelty", "surprise"]
    with pytest.raises(PluginError, match=r"'alpha' is offered by .*good-dist 1.0.*other-dist 2.0.*-p no:"):
        plugins.get("recommender", "alpha")
    assert load_plugins(disabled=["standard", "other"]).get("recommender", "alpha").name == "alpha"


def test_a_disabled_plugin_is_never_imported(install):
    install("loud", "raise AssertionError('imported')")
    assert row(load_plugins(disabled=["loud"]), "loud").status == "disabled"
    assert row(load_plugins(), "loud").status == "failed"


def test_disabling_a_plugin_that_is_not_there_is_a_mistake():
    with pytest.raises(PluginError, match="'standrad': not installed; did you mean 'standard'"):
        load_plugins(disabled=["standrad"])


def test_without_third_parties_the_standard_plugin_stays(install):
    install("good", GOOD)
    plugins = load_plugins(third_party=False)
    assert (row(plugins, "good").status, row(plugins, "good").reason) == ("disabled", "--no-plugins")
    assert row(plugins, "standard").status == "active"


def test_the_allow_list_holds_third_parties_only(install, monkeypatch):
    install("good", GOOD)
    install("other", "")
    monkeypatch.setenv("RECBENCH_PLUGINS", "other, unheard-of")
    assert {row.name: row.status for row in load_plugins().rows} == {
        "good": "disabled",
        "other": "active",
        "standard": "active",
    }


def test_what_a_plugin_prints_does_not_mix_with_results(install, capsys):
    install("chatty", "print('hello')")
    load_plugins()
    assert capsys.readouterr() == ("", "hello\n")


def test_an_unknown_name_comes_with_the_nearest_and_with_what_is_broken(install):
    install("broken", "1 / 0")
    with pytest.raises(PluginError, match=r"unknown recommender 'bprmf'; did you mean 'bpr-mf'.*not loaded: 'broken'"):
        load_plugins().get("recommender", "bprmf")


def test_a_glob_selects_by_name(install):
    install("good", GOOD)
    plugins = load_plugins()
    assert [component.name for component in plugins.select("attacker", "gan*")] == ["gan", "gan-untrained"]
    assert [component.name for component in plugins.select("recommender", "?lpha")] == ["alpha"]
    assert plugins.select("recommender", "alpha") == [plugins.get("recommender", "alpha")]
    with pytest.raises(PluginError, match=r"no metric matches 'x\*'; known: .*novelty"):
        plugins.select("metric", "x*")


OBSERVER = """
    @hookimpl
    def recbench_cell_finished(record):
        record["seen"].append("{name}")
        print("{name}", record)
        {more}
"""


def test_observers_get_copies_and_one_that_raises_is_reported(install, capsys):
    install("first", OBSERVER.format(name="first", more="raise SystemExit('enough')"))
    install("second", OBSERVER.format(name="second", more=""))
    record = {"cell_id": "1f0c", "seen": []}
    (problem,) = load_plugins().notify(record)
    assert problem.startswith("plugin 'first' (first-dist 1.0): recbench_cell_finished: SystemExit: enough")
    assert record == {"cell_id": "1f0c", "seen": []}
    assert "second {'cell_id': '1f0c', 'seen': ['second']}" in capsys.readouterr().out
