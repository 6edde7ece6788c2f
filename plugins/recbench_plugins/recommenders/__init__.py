"""The standard recommenders: the victims."""
