"""From a suite file to records: cells, the stages they share, identities, the plan and the run.

`suite` reads the file, `choices` resolves its components, `cells` makes the product, `stages` says what
each cell has to compute, `plan` counts it and `run` does it. `prepare`, `craft`, `simulate`, `sanitize`, `fit`,
`perturb` and `evaluate` are what runs in workers.
"""
