"""Results for others to check: a run packed as a bundle, and a stranger's bundle verified.

`pack` writes a bundle. `opened` reads one, on the assumption that it is hostile; `verify` says how far it can be
believed: `plan` holds it against its suite, `recompute` against the data, `rerun` against a run of one's own.
`challenge` tries profiles alone on a suite's defenses.
"""
