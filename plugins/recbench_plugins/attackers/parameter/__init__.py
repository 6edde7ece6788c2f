"""Perturbations of a trained victim's tables: probes of robustness, not realizable attacks."""
