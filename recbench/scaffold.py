"""A package for a new plugin: one working component, its entry point, tests, a CI file, a README."""

from __future__ import annotations

import hashlib
import keyword
from pathlib import Path
from typing import Any

import jinja2

from recbench import RECBENCH_API, __version__
from recbench.component import NAME, Kind
from recbench.errors import PluginError

FILES: dict[Kind, str] = {
    "dataset": "data",
    "recommender": "model",
    "attacker": "attack",
    "defense": "detector",
    "metric": "metric",
}
"""The module of the component, by kind; it has a template of that name."""

DECLARED: dict[Kind, dict[str, list[str]]] = {
    "dataset": {"provides": ["ratings"]},
    "recommender": {},
    "attacker": {"provides": ["poisoning"], "knowledge": ["interactions"], "goals": ["push", "nuke"]},
    "defense": {"provides": ["sanitizer"]},
    "metric": {},
}

SUMMARIES: dict[Kind, str] = {
    "dataset": "40 users and 24 items of two tastes",
    "recommender": "items like those that the user has",
    "attacker": "the targets beside popular items",
    "defense": "removes users who resemble nobody",
    "metric": "mean self-information of the recommended items",
}

RUNS: dict[Kind, str] = {
    "dataset": "recbench run quick --dataset {name}",
    "recommender": "recbench run quick --recommender {name}",
    "attacker": "recbench run quick --attacker none --attacker {name}",
    "defense": "recbench run quick --defense none --defense {name}",
    "metric": "recbench run quick",
}


def write_package(kind: Kind, name: str, into: Path) -> list[Path]:
    """Write the package `name` as a folder of `into`; nothing that exists is touched.

    Returns:
        The files, in alphabetical order.

    Raises:
        PluginError: a name that cannot be a component's and a module's, a folder that exists or cannot be written to.
    """
    module = name.replace("-", "_").replace(".", "_")
    if not NAME.match(name) or not module.isidentifier() or keyword.iskeyword(module):
        raise PluginError(f"'{name}' cannot name a package: use lower-case letters, digits and -, a letter first")
    folder = into / name
    if folder.exists():
        raise PluginError(f"{folder} exists; choose another name or another folder by --into")
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("recbench"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # these are not web pages
    )
    context: dict[str, Any] = {
        "kind": kind,
        "thing": {"dataset": "a data set", "attacker": "an attacker"}.get(kind, f"a {kind}"),
        "name": name,
        "module": module,
        "file": FILES[kind],
        "cls": "".join(word.capitalize() for word in module.split("_")),
        "declared": DECLARED[kind],
        "summary": SUMMARIES[kind],
        "run": RUNS[kind].format(name=name),
        "api": RECBENCH_API,
        "recbench_version": __version__,
        "sha256": lambda template: hashlib.sha256(templates.get_template(template).render().encode()).hexdigest(),
    }
    written = []
    for template in templates.list_templates():
        home, _, place = template.partition("/")
        if home not in ("common", kind):
            continue
        file = folder / place.replace("__module__", module).removesuffix(".jinja")
        content = templates.get_template(template).render(context)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
        except OSError as error:
            raise PluginError(f"{file} cannot be written: {error.strerror}; choose another folder by --into") from error
        written.append(file)
    return sorted(written)
