"""Checks of recommenders."""

from __future__ import annotations
