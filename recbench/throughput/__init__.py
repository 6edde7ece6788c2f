"""How fast the discovered plugins are: a pytest-benchmark suite, `pytest --pyargs recbench.throughput`.

`recbench time` runs it and prints its figures. Data, warm-up and rounds are fixed, so that two machines differ in
nothing but themselves.
"""
