"""The standard metrics: thin settings over `recbench.evaluation`, one family a file."""
