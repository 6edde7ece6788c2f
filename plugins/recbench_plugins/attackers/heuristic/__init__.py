"""Fake profiles by rule of thumb: no model, no gradient."""
