"""Poisoning by the gradient of a surrogate's training."""
