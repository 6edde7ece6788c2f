"""The content-security policy of every page: scripts and styles from beside it, and nothing from a network."""

from __future__ import annotations

import base64
import hashlib

CHART_STYLE = """:where(.chart) {
  --plot-background: white;
  display: block;
  height: auto;
  height: intrinsic;
  max-width: 100%;
}
:where(.chart text),
:where(.chart tspan) {
  white-space: pre;
}"""
"""The style element that Observable Plot puts into a chart of class `chart`: allowed by its hash, and no other."""


def policy() -> str:
    """The policy, as a page states it."""
    digest = base64.b64encode(hashlib.sha256(CHART_STYLE.encode()).digest()).decode()
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' 'sha256-{digest}'",
            "img-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
