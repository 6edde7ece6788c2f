"""The standard attackers, by family."""
