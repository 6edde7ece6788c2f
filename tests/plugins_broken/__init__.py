"""Plugins with one mistake each; README.md says how they are laid out."""
