"""The standard defenses: detection before training, and robust training."""
