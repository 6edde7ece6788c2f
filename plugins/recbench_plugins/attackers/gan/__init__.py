"""Fake profiles from generative models."""
