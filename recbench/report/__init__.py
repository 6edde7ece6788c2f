"""What an audit has found, for people: sentences, tables, figures and a page."""

from recbench.report.explanation import Explanation
from recbench.report.report import Report

__all__ = ["Explanation", "Report"]
