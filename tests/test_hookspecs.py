import doctest

import pluggy
import pytest

from recbench import hookspecs
from recbench.plugins import HOOKS

NAMES = [*HOOKS, "recbench_cell_finished"]


def test_there_is_a_hook_for_every_kind_of_component_and_one_that_observes():
    manager = pluggy.PluginManager("recbench")
    manager.add_hookspecs(hookspecs)
    assert {name for name in dir(hookspecs) if name.startswith("recbench_")} == set(NAMES)
    assert all(getattr(manager.hook, name).spec for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_every_hook_runs_and_is_an_implementation_of_it(name):
    found = doctest.DocTestFinder(recurse=False).find(getattr(hookspecs, name), name, globs={})
    assert found
    assert found[0].examples
    results = doctest.DocTestRunner(verbose=False).run(found[0], clear_globs=False)
    assert results.attempted >= 3
    assert results.failed == 0

    manager = pluggy.PluginManager("recbench")
    manager.add_hookspecs(hookspecs)
    plugin = type("Plugin", (), {name: staticmethod(found[0].globs[name])})
    manager.register(plugin)
    manager.check_pending()
    assert [implementation.plugin for implementation in getattr(manager.hook, name).get_hookimpls()] == [plugin]
