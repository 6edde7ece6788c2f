from recbench.leaderboard.labels import key_of, labels


def component(name, version="1", **params):
    return {"name": name, "version": version, "params": params}


def named(*components):
    found = labels(components)
    return [found[key_of(one)] for one in components]


def test_a_component_is_called_by_its_name():
    assert named(component("ease", lam=500.0), component("bpr-mf", dim=64)) == ["ease", "bpr-mf"]


def test_variants_show_the_parameters_that_differ():
    assert named(component("bpr-mf", dim=32, lr=0.1), component("bpr-mf", dim=64, lr=0.1)) == [
        "bpr-mf[dim=32]",
        "bpr-mf[dim=64]",
    ]
    assert named(component("x"), component("x", depth=2)) == ["x", "x[depth=2]"]


def test_values_that_only_python_takes_for_equal_are_told_apart():
    """One label for both would let the cells of one overwrite those of the other."""
    assert named(component("x", a=1), component("x", a=1.0), component("x", a=True)) == [
        "x[a=1]",
        "x[a=1.0]",
        "x[a=true]",
    ]


def test_versions_are_told_apart():
    assert named(component("x"), component("x", version="2")) == ["x version 1", "x version 2"]
