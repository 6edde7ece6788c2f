"""From a fitted model to numbers, with the rules that make them comparable.

`ranking` asks a scorer about every user and keeps what the metrics need; `quality`, `ratings`,
`exposure`, `robustness`, `detection`, `stealth` and `variety` turn that into numbers, one family a file; `statistics`
says how far the numbers of several runs can be trusted. Metrics are over genuine users only.
"""
