"""Attacks that know the deployed defense."""
