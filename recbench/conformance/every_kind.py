"""Checks of every kind of component."""

from __future__ import annotations
