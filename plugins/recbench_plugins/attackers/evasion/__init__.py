"""Evasion: items added to what a trained sequence model reads."""
