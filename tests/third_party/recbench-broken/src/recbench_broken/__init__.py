import a_library_that_nobody_installed

from recbench.hookspecs import Component, hookimpl


@hookimpl
def recbench_attackers():
    yield Component("attacker", "broken", f"{a_library_that_nobody_installed.__name__}:Attack")
