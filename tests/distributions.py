"""Small installed distributions, made of files: what `importlib.metadata` finds is real, pip is not needed."""

import itertools
from pathlib import Path
from textwrap import dedent

HEAD = "from recbench.hookspecs import Component, hookimpl\n"

_numbers = itertools.count()


def write_distribution(folder: Path, plugin: str, source: str, version: str = "1.0") -> Path:
    """Write distribution `{plugin}-dist` with one module and its entry point.

    Returns the folder to put on `sys.path`. The module's name is new each time: Python never forgets one.
    """
    number = next(_numbers)
    module = f"{plugin.replace('-', '_')}_{number}"
    place = folder / f"site-{number}"
    info = place / f"{plugin.replace('-', '_')}_dist-{version}.dist-info"
    info.mkdir(parents=True)
    (place / f"{module}.py").write_text(HEAD + dedent(source))
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {plugin}-dist\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[recbench]\n{plugin} = {module}\n")
    return place
