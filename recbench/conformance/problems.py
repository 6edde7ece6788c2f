"""Checks of differentiable recommenders: their training problem."""

from __future__ import annotations
