"""Defenses that prove what they promise."""
