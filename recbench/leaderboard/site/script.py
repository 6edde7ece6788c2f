"""Values as script files: a page that is opened from a file may load scripts and nothing else."""

from __future__ import annotations

import json
from typing import Any

from recbench.errors import DataError


def script(name: str, value: Any) -> bytes:
    """A script that puts a JSON value where the pages look for it, under a name.

    The value is a string until the page parses it: as a literal, a key called `__proto__` would be more than
    a key, and a long one would take longer to read. No `<` is left that could end a script or begin a tag.

    Raises:
        DataError: the value holds a number that is not finite, or something that is no JSON.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} of the site cannot be written as JSON: {error}") from None
    literal = json.dumps(text).replace("<", "\\u003c")
    return f'(window.recbench ??= {{}})["{name}"] = JSON.parse({literal});\n'.encode()


def shortened(value: float) -> float | int:
    """A number with the digits that a reader has use for: fewer bytes for each of a million of them."""
    short = float(f"{value:.6g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short
