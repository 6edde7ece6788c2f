"""Detectors: who of the users is fake, told from the training data alone."""
