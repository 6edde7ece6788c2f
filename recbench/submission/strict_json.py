"""JSON from strangers: one meaning only, finite numbers, shallow, and text that can be encoded."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from recbench.submission.refusal import refused, shown

MAX_DIGITS = 20
"""Of an integer; none in a bundle is longer than a size in bytes."""
MAX_DEPTH = 16


def loads(content: bytes, file: str) -> Any:
    """The value of a JSON text.

    Raises:
        SubmissionError: no JSON text in UTF-8, a key twice in one object, NaN, an infinity, an integer of more than
            `MAX_DIGITS` digits, half a surrogate pair, or nesting deeper than `MAX_DEPTH`.
    """

    def reject(reason: str) -> NoReturn:
        raise refused(file, reason)

    def constant(text: str) -> NoReturn:
        reject(f"{text} is not a number of JSON")

    def integer(text: str) -> int:
        return int(text) if len(text) <= MAX_DIGITS else reject(f"the number {shown(text)} is too long")

    def decimal(text: str) -> float:
        value = float(text)
        return value if abs(value) < float("inf") else reject(f"the number {shown(text)} is too large")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                reject(f"the key {shown(name)} is there twice")
            found[name] = value
        return found

    try:
        text = content.decode("utf-8")
        value = json.loads(
            text, parse_constant=constant, parse_int=integer, parse_float=decimal, object_pairs_hook=once
        )
        if "\\u" in text:  # an escape is the only way to half a surrogate pair
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        reject("it is nested too deeply")
    except ValueError as error:
        reject(f"it is not JSON in UTF-8 ({shown(str(error))})")
    if _deeper(value, MAX_DEPTH):
        reject("it is nested too deeply")
    return value


def _deeper(value: Any, depth: int) -> bool:
    """Whether `value` is nested deeper than that."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth < 0 or any(_deeper(part, depth - 1) for part in parts if isinstance(part, dict | list))
