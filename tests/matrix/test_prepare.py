import numpy as np
import pytest

from recbench.data.interactions import Interactions
from recbench.data.readers import read_interactions
from recbench.errors import DataError
from recbench.matrix.choices import Choice
from recbench.matrix.own_data import OwnData, describe
from recbench.matrix.prepare import draw_targets, prepare
from recbench.matrix.prepared import Prepared

RULE = {"strategy": "unpopular", "fraction": 0.2, "count": 5, "groups": 3}


def changed(arguments, **changes):
    return Prepared.of(prepare(arguments | changes, {}))


def test_the_parts_are_the_whole_of_ml_100k(prepared, mirror):
    whole = read_interactions(mirror / "ml-100k").interactions
    parts = [prepared.split.train, prepared.split.validation, prepared.split.test]
    assert sum(map(len, parts)) == len(whole) == 100_000
    assert np.any([part.contains(whole.users, whole.items) for part in parts], axis=0).all()
    assert all(part.ratings is None for part in parts)


def test_eligible_is_who_has_the_item_in_no_part(prepared):
    items = np.array([3, 1681, 49])
    users = np.arange(prepared.train.n_users)[:, None]
    had = np.any([part.contains(users, items) for part in vars(prepared.split).values()], axis=0)
    assert had.any(axis=0).all()
    np.testing.assert_array_equal(prepared.eligible(items), ~had)


def test_what_was_consumed_is_train_and_validation(prepared):
    user = 17
    expected = {*prepared.train.histories[user], *prepared.split.validation.histories[user]}
    assert set(prepared.consumed[user]) == expected


def test_the_catalogue_survives_the_store(prepared):
    assert prepared.catalog.titles[0] == "Toy Story (1995)"
    assert prepared.catalog.genres[0] == ("Animation", "Children's", "Comedy")


def test_the_same_seed_gives_the_same_split_and_another_seed_another(prepare_arguments, artifact):
    assert prepare(prepare_arguments, {}).digest == artifact.digest
    assert prepare(prepare_arguments | {"seed": 1}, {}).digest != artifact.digest


def test_unpopular_targets_are_from_the_least_popular_fifth_that_anyone_has(prepared):
    counts = prepared.train.item_counts
    known = np.sort(counts[counts > 0])
    edge = known[round(0.2 * len(known)) - 1]
    drawn = np.concatenate([draw_targets(prepared.train, RULE, seed) for seed in range(20)])
    assert counts[drawn].min() >= 1
    assert counts[drawn].max() <= edge


def test_popular_targets_are_from_the_other_end(prepared):
    counts = prepared.train.item_counts
    drawn = draw_targets(prepared.train, RULE | {"strategy": "popular"}, seed=0)
    known = counts[counts > 0]
    assert counts[drawn].min() >= np.sort(known)[::-1][round(0.2 * len(known)) - 1]


def test_random_targets_reach_beyond_both_ends(prepared):
    drawn = draw_targets(prepared.train, RULE | {"strategy": "random", "groups": 100}, seed=0)
    counts = prepared.train.item_counts
    known = np.sort(counts[counts > 0])
    assert counts[drawn].min() <= known[len(known) // 5]
    assert counts[drawn].max() >= known[-len(known) // 5]


def test_groups_are_disjoint_and_the_same_whatever_their_number(prepared):
    three = draw_targets(prepared.train, RULE, seed=0)
    assert len(np.unique(three)) == 15
    assert np.array_equal(draw_targets(prepared.train, RULE | {"groups": 1}, seed=0), three[:1])


def test_more_targets_than_items_are_refused():
    few = Interactions(np.zeros(4, np.int64), np.arange(4), n_users=1, n_items=4)
    with pytest.raises(DataError, match="3 groups of 5 targets need 15 items; 1 are unpopular enough"):
        draw_targets(few, RULE, seed=0)


def test_the_explicit_track_keeps_ratings_and_their_scale(prepare_arguments):
    prepared = changed(prepare_arguments, feedback="explicit")
    assert (prepared.scale.low, prepared.scale.high, prepared.scale.step) == (1, 5, 1)
    assert set(np.unique(prepared.train.ratings)) == {1, 2, 3, 4, 5}
    assert prepared.feedback == "explicit"


def test_a_threshold_and_a_core_cut_the_data(prepare_arguments, mirror):
    ratings = read_interactions(mirror / "ml-100k").interactions.ratings
    positive = changed(prepare_arguments, positive_from=4.0).split
    assert sum(map(len, vars(positive).values())) == np.count_nonzero(ratings >= 4)
    core = changed(prepare_arguments, kcore={"users": 30, "items": 30})
    assert sum(part.user_counts for part in vars(core.split).values()).min() >= 30
    assert sum(part.item_counts for part in vars(core.split).values()).min() >= 30
    assert len(core.catalog.titles) == core.train.n_items


@pytest.mark.parametrize("kind", ["temporal", "leave-one-out"])
def test_other_splits(prepare_arguments, kind):
    split = changed(prepare_arguments, split={"kind": kind, "shares": [0.8, 0.1, 0.1]}).split
    if kind == "temporal":
        assert split.train.timestamps.max() < split.validation.timestamps.min() < split.test.timestamps.min()
    else:
        assert (split.test.user_counts == 1).all()


def test_the_split_that_the_publisher_made(tmp_path):
    rows = [f"{user},{item}\n" for user in range(6) for item in range(8)]
    (tmp_path / "train.csv").write_text("user_id,item_id\n" + "".join(rows[:40]))
    (tmp_path / "test.csv").write_text("user_id,item_id\n" + "".join(rows[40:]))
    component = describe(tmp_path)
    assert component.provides == {"split"}
    spec = {"name": "shop", "factory": component.factory, "version": component.version, "kind": "dataset"}
    arguments = {"feedback": "implicit", "positive_from": None, "kcore": None, "targets": RULE, "seed": 0}
    arguments |= {"dataset": spec | {"provides": ["split"], "params": {"path": str(tmp_path)}}}
    arguments["targets"] = RULE | {"count": 1, "groups": 1}
    split = changed(arguments, split={"kind": "published", "shares": [0.8, 0.2, 0.0]}).split
    assert (len(split.train), len(split.validation), len(split.test)) == (30, 10, 8)
    assert (split.test.users == 5).all()
    (tmp_path / "test.csv").rename(tmp_path / "valid.csv")
    (tmp_path / "train.csv").rename(tmp_path / "test.csv")
    (tmp_path / "valid.csv").rename(tmp_path / "train.csv")
    assert describe(tmp_path).version != component.version


CSV = "user_id,item_id,rating\n" + "".join(f"{u},{i},{(u * i) % 4 / 2 + 1}\n" for u in range(6) for i in range(8))


def test_a_file_of_ones_own_is_a_data_set(tmp_path):
    path = tmp_path / "My Shop.csv"
    path.write_text(CSV)
    component = describe(path)
    assert component.name == "my-shop"
    assert component.provides == {"ratings"}
    assert OwnData(str(path)).scale(OwnData(str(path)).load()) == (1, 2.5, 0.5)


def test_the_version_of_a_file_is_its_content(tmp_path):
    one, other, same = tmp_path / "one.csv", tmp_path / "other.csv", tmp_path / "same.csv"
    one.write_text(CSV)
    same.write_text(CSV)
    other.write_text(CSV + "9,9,1\n")
    assert describe(one).version == describe(same).version != describe(other).version


def test_the_version_of_a_folder_covers_its_catalogue(tmp_path):
    (tmp_path / "shop.inter").write_text("user_id:token\titem_id:token\nu1\ti1\nu2\ti2\n")
    items = "item_id:token\tmovie_title:token_seq\tclass:token_seq\n"
    versions = []
    for rows in ("i1\tOne\tWar\n", "i1\tUno\tWar\n", "i1\tOne\tDrama\n", "i2\tOne\tWar\n", "i1\tOne\tWar\n"):
        (tmp_path / "shop.item").write_text(items + rows)
        versions.append(describe(tmp_path).version)
    assert versions[0] == versions[-1]
    assert len(set(versions)) == 4


def test_ratings_that_are_all_the_same_have_no_scale(tmp_path):
    path = tmp_path / "flat.csv"
    path.write_text("user_id,item_id,rating\n1,1,3\n2,1,3\n")
    with pytest.raises(DataError, match="every rating is 3"):
        OwnData(str(path)).scale(OwnData(str(path)).load())


def test_a_file_that_changed_after_it_was_planned_is_refused(tmp_path, prepare_arguments):
    path = tmp_path / "shop.csv"
    path.write_text(CSV)
    described = Choice(describe(path), {"path": str(path)}).spec
    targets = {"strategy": "random", "fraction": 1.0, "count": 2, "groups": 1}
    assert changed(prepare_arguments, dataset=described, targets=targets).train.n_users == 6
    path.write_text(CSV + "9,9,1\n")
    with pytest.raises(DataError, match="has changed since it was planned"):
        changed(prepare_arguments, dataset=described, targets=targets)
