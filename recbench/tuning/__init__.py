"""Hyper-parameters of recommenders, searched on validation data alone: `recbench tune`. Needs the extra `tune`."""
