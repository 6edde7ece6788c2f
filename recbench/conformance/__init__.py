"""Conformance: named checks by which a plugin's author can prove that it does what it claims."""

from recbench.conformance.check import Check, Failed, NotApplicable, Outcome, Subject, check, checks_of, perform

__all__ = ["Check", "Failed", "NotApplicable", "Outcome", "Subject", "check", "checks_of", "perform"]
