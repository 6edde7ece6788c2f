"""A report as one HTML page: no scripts, nothing from a network, everything escaped."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib import rc_context
from matplotlib.figure import Figure

from recbench import __version__
from recbench.leaderboard.render import plain

if TYPE_CHECKING:
    from recbench.report.report import Report

SHOWN = 15
"""How many of the fakes' fillers are listed."""


def page(report: Report) -> str:
    """The whole document."""
    return _rendered(report, "page.html.jinja")


def body(report: Report) -> str:
    """What a notebook shows."""
    return _rendered(report, "body.html.jinja")


def _rendered(report: Report, template: str) -> str:
    environment = Environment(
        loader=PackageLoader("recbench.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = plain
    explained = report.explanation
    figures = {"attacks": _picture(report.figure_attacks()), "defenses": _picture(report.figure_defenses())}
    if explained is not None:
        figures["explanation"] = _picture(report.figure_explanation())
    return environment.get_template(template).render(
        report=report,
        explained=explained,
        fillers=[] if explained is None else explained.fillers[:SHOWN],
        figures=figures,
        version=__version__,
    )


def _picture(figure: Figure) -> str:
    """The figure as the address of an image that holds it."""
    buffer = io.BytesIO()
    # Ids and dates that differ from run to run would make equal pages unequal.
    with rc_context({"svg.hashsalt": "recbench"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode()}"
