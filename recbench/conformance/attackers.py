"""Checks of attackers."""

from __future__ import annotations
