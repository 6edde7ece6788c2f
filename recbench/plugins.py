"""Discovery: every installed plugin becomes one row of status, whatever happened to it.

pluggy loses all answers when one implementation raises and is silent about a mistyped hook, so each
plugin has a manager of its own and is loaded in a `try` of its own.
"""

from __future__ import annotations

import contextlib
import copy
import fnmatch
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, cast

import pluggy

from recbench import RECBENCH_API, hookspecs
from recbench.component import KINDS, Component, Kind
from recbench.errors import PluginError, suggestion
from recbench.factories import explain, resolve

__all__ = ["RESERVED", "PluginRow", "Plugins", "load_plugins", "resolve"]

Status = Literal["active", "disabled", "failed", "incompatible", "conflict"]

HOOKS: dict[str, Kind] = {f"recbench_{kind}s": kind for kind in KINDS}

RESERVED = frozenset({"none"})
"""Words of the suite file that no plugin may take as a name: the run without an attack, without a defense."""

ALLOW = "RECBENCH_PLUGINS"
"""Environment variable: where set, only the third-party plugins named in it (comma-separated) are loaded."""


@dataclass(frozen=True)
class PluginRow:
    """One plugin and what became of it.

    Args:
        name: of its entry point.
        distribution, version: what was installed.
        status: `active`; `disabled` by the user, never imported; `failed`; `incompatible` with this
            version of the contracts; `conflict`: some names are offered by another plugin too, and
            are left out of both.
        reason: why it is not active, one line.
        components: what it offers; empty unless active or in conflict.
        hooks: pluggy's relay to the plugin's functions, where it is loaded.
    """

    name: str
    distribution: str
    version: str
    status: Status = "active"
    reason: str = ""
    components: tuple[Component, ...] = ()
    hooks: pluggy.HookRelay | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return f"plugin '{self.name}' ({self.distribution} {self.version})"


@dataclass(frozen=True)
class Plugins:
    """What is installed: the rows of status and the components that can be used."""

    rows: tuple[PluginRow, ...]

    def beside(self, component: Component) -> Plugins:
        """These, and a component of the caller's own."""
        return Plugins((*self.rows, PluginRow("own", "the caller's", "", components=(component,))))

    @cached_property
    def _offers(self) -> dict[tuple[Kind, str], list[tuple[Component, PluginRow]]]:
        offers: dict[tuple[Kind, str], list[tuple[Component, PluginRow]]] = {}
        for row in self.rows:
            for component in row.components:
                offers.setdefault((component.kind, component.name), []).append((component, row))
        return dict(sorted(offers.items(), key=lambda offer: (KINDS.index(offer[0][0]), offer[0][1])))

    def components(self, kind: Kind | None = None) -> list[Component]:
        """Every usable component, of one kind or of all, sorted by kind and name."""
        return [offers[0][0] for (of, _), offers in self._offers.items() if len(offers) == 1 and kind in (None, of)]

    def provider(self, component: Component) -> str:
        """The name of the plugin that offers `component`; empty for one that comes from a file."""
        offers = self._offers.get((component.kind, component.name), [])
        return next((row.name for offered, row in offers if offered == component), "")

    def get(self, kind: Kind, name: str) -> Component:
        """The component of that kind and name.

        Raises:
            PluginError: there is none, with the nearest name; or two plugins offer it.
        """
        offers = self._offers.get((kind, name), [])
        if len(offers) == 1:
            return offers[0][0]
        if offers:
            raise PluginError(f"{kind} '{name}' is offered by {_choice([row for _, row in offers])}")
        raise PluginError(f"unknown {kind} '{name}'{suggestion(name, self._names(kind))}{self._broken()}")

    def select(self, kind: Kind, pattern: str) -> list[Component]:
        """The components whose name matches a glob (`item-*`), or the one of that name, sorted by name.

        Raises:
            PluginError: nothing matches.
        """
        if not set(pattern) & set("*?"):
            return [self.get(kind, pattern)]
        matching = [component for component in self.components(kind) if fnmatch.fnmatchcase(component.name, pattern)]
        if not matching:
            known = ", ".join(self._names(kind)) or "none"
            raise PluginError(f"no {kind} matches '{pattern}'; known: {known}{self._broken()}")
        return matching

    def complaints(self) -> list[str]:
        """One line for each plugin that is not active although nobody has disabled it."""
        broken = (row for row in self.rows if row.status not in ("active", "disabled"))
        return [f"{row} is not active ({row.status}): {row.reason}" for row in broken]

    def notify(self, record: Mapping[str, Any]) -> list[str]:
        """Tell every observer of a finished cell; returns one line for each observer that raised."""
        problems = []
        for row in self.rows:
            if row.hooks is None or not row.hooks.recbench_cell_finished.get_hookimpls():
                continue
            try:
                row.hooks.recbench_cell_finished(record=copy.deepcopy(dict(record)))
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # a plugin may also leave by SystemExit
                problems.append(f"{row}: recbench_cell_finished: {explain(error)}")
        return problems

    def _names(self, kind: Kind) -> list[str]:
        return [component.name for component in self.components(kind)]

    def _broken(self) -> str:
        broken = [f"'{row.name}'" for row in self.rows if row.status in ("failed", "incompatible")]
        return f" (not loaded: {', '.join(broken)}; see 'recbench plugins')" if broken else ""


def load_plugins(disabled: Iterable[str] = (), third_party: bool = True) -> Plugins:
    """Find, import and question every installed plugin.

    Args:
        disabled: names of plugins to leave out.
        third_party: False leaves out all but recbench's own.

    Raises:
        PluginError: a name in `disabled` that is not installed. A broken plugin is a row, not an error.
    """
    entries = sorted(entry_points(group=hookspecs.GROUP), key=lambda entry: (entry.name, _row(entry).distribution))
    disabled = set(disabled)
    for name in sorted(disabled - {entry.name for entry in entries}):
        raise PluginError(f"cannot disable plugin '{name}': not installed{suggestion(name, (e.name for e in entries))}")
    allowed = {name.strip() for name in os.environ.get(ALLOW, "").split(",")} - {""}
    rows = []
    for entry in entries:
        row = _row(entry)
        third = row.distribution != "recbench"
        if entry.name in disabled:
            row = replace(row, status="disabled", reason=f"-p no:{entry.name}")
        elif third and not third_party:
            row = replace(row, status="disabled", reason="--no-plugins")
        elif third and allowed and entry.name not in allowed:
            row = replace(row, status="disabled", reason=f"not listed in {ALLOW}")
        else:
            row = _load(entry, row)
        rows.append(row)
    return Plugins(tuple(_with_conflicts(rows)))


def _row(entry: EntryPoint) -> PluginRow:
    return PluginRow(entry.name, entry.dist.name, entry.dist.version) if entry.dist else PluginRow(entry.name, "?", "?")


def _load(entry: EntryPoint, row: PluginRow) -> PluginRow:
    manager = pluggy.PluginManager("recbench")
    manager.add_hookspecs(hookspecs)
    try:
        # What a plugin prints must not end up in the middle of a table or of JSON.
        with contextlib.redirect_stdout(sys.stderr):
            plugin = entry.load()
            if (asked := getattr(plugin, "RECBENCH_API", RECBENCH_API)) != RECBENCH_API:
                reason = f"written for plugin contracts {asked!r}; this recbench has {RECBENCH_API}"
                return replace(row, status="incompatible", reason=reason)
            manager.register(plugin, row.name)
            components, problems = _question(manager, plugin)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may also leave by SystemExit
        return replace(row, status="failed", reason=explain(error))
    if problems:
        return replace(row, status="failed", reason="; ".join(problems))
    return replace(row, components=tuple(components), hooks=manager.hook)


def _question(manager: pluggy.PluginManager, plugin: object) -> tuple[list[Component], list[str]]:
    """Call every noun hook of one plugin; what it offers, and everything that is wrong with it."""
    components: list[Component] = []
    problems: list[str] = []
    callers = {caller.name: caller for caller in manager.get_hookcallers(plugin) or ()}
    functions = {name for name in dir(plugin) if name.startswith("recbench_") and callable(getattr(plugin, name))}
    problems += [f"{name} is not marked with @hookimpl" for name in sorted(functions - set(callers))]
    for name, caller in sorted(callers.items()):
        if not caller.has_spec():
            hooks = [*HOOKS, hookspecs.recbench_cell_finished.__name__]
            problems.append(f"unknown hook '{name}'{suggestion(name, hooks)}")
        elif name in HOOKS:
            for implementation in caller.get_hookimpls():
                try:
                    offered = list(cast(Iterable[object], implementation.function()))
                except KeyboardInterrupt:
                    raise
                except BaseException as error:  # a plugin may also leave by SystemExit
                    problems.append(f"{name}: {explain(error)}")
                else:
                    components += [each for each in offered if isinstance(each, Component)]
                    problems += [f"{name}: {wrong}" for each in offered if (wrong := _wrong(each, HOOKS[name]))]
    names = [(component.kind, component.name) for component in components]
    problems += [f"offers {kind} '{name}' twice" for kind, name in sorted(set(names)) if names.count((kind, name)) > 1]
    return components, problems


def _wrong(offered: object, kind: Kind) -> str | None:
    """Why what a hook for `kind` yielded cannot be used."""
    if not isinstance(offered, Component):
        return f"yielded {type(offered).__name__} instead of Component"
    if offered.kind != kind:
        return f"yielded {offered.kind} '{offered.name}'"
    if offered.name in RESERVED:
        return f"the name '{offered.name}' is reserved"
    return None


def _with_conflicts(rows: list[PluginRow]) -> list[PluginRow]:
    """Mark the plugins that offer a kind and name which another one offers too."""
    reasons: dict[str, list[str]] = {}
    for (kind, name), offers in Plugins(tuple(rows))._offers.items():
        if len(offers) > 1:
            providers = [row for _, row in offers]
            for row in providers:
                reasons.setdefault(str(row), []).append(f"{kind} '{name}' is offered by {_choice(providers)}")
    return [
        replace(row, status="conflict", reason="; ".join(reasons[str(row)])) if str(row) in reasons else row
        for row in rows
    ]


def _choice(rows: list[PluginRow]) -> str:
    return f"{' and '.join(map(str, rows))}; disable one with -p no:NAME"
