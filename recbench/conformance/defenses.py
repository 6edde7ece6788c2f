"""Checks of defenses."""

from __future__ import annotations
