"""Gowalla, Yelp 2018 and Amazon Book with the train and test files of LightGCN, and Adressa with MACR's."""

from pathlib import Path

import numpy as np
import pytest

from recbench.errors import DataError
from recbench_plugins.datasets.amazon_book import AmazonBook
from recbench_plugins.datasets.gowalla import Gowalla
from recbench_plugins.datasets.yelp2018 import Yelp2018

TRAIN = "0 5 3 9 7 1\n1 3\n2 9 5\n3 1\n"
TEST = "0 2\n2 7 1\n1 \n3 9\n"


def test_gowalla_has_the_split_of_lightgcn(load, mirror: Path) -> None:
    data = load("gowalla")
    assert len(data.published.train) == 810_128
    assert len(data.published.test) == 217_242
    lines = [list(map(int, line.split())) for line in (mirror / "gowalla-lightgcn" / "test.txt").open()]
    tested = data.published.test.histories
    assert [tested[user].tolist() for user, *_ in lines[:99]] == [sorted(items) for _, *items in lines[:99]]
    np.testing.assert_array_equal(tested.lengths, [len(line) - 1 for line in lines])


@pytest.mark.parametrize("dataset", [Yelp2018(), AmazonBook(), Gowalla()], ids=lambda each: each.info.name)
def test_the_files_of_lightgcn_are_read_and_held_to_their_size(tmp_path: Path, dataset: Yelp2018) -> None:
    (tmp_path / "train.txt").write_text(TRAIN)
    (tmp_path / "test.txt").write_text(TEST)
    data = dataset.read(tmp_path)
    assert data.provides == {"split"}
    assert data.item_ids.tolist() == [1, 2, 3, 5, 7, 9]
    train, test = data.published.train.histories, data.published.test.histories
    assert [train[k].tolist() for k in range(4)] == [[0, 2, 3, 4, 5], [2], [3, 5], [0]]
    assert [test[k].tolist() for k in range(4)] == [[1], [], [0, 4], [5]]
    with pytest.raises(DataError, match="4 users, 6 items, 13 interactions; published are"):
        dataset.load(tmp_path)


def test_the_order_of_a_carrier_does_not_matter(tmp_path: Path) -> None:
    """The mirror's training file was rebuilt with the items ascending; the publisher's has another order."""
    (tmp_path / "test.txt").write_text(TEST)
    (tmp_path / "train.txt").write_text(TRAIN)
    first = Gowalla().read(tmp_path)
    (tmp_path / "train.txt").write_text("3 1\n0 1 3 5 7 9\n1 3\n2 5 9\n")
    again = Gowalla().read(tmp_path)
    assert first.interactions.digest == again.interactions.digest
    assert first.published.train.digest == again.published.train.digest


def test_an_item_in_train_and_test_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(TRAIN)
    (tmp_path / "test.txt").write_text("0 9\n")
    with pytest.raises(DataError, match=r"1 rows repeat a \(user, item\) pair"):
        Gowalla().read(tmp_path)


def test_adressa_has_the_split_of_macr(load, mirror: Path) -> None:
    data = load("adressa")
    assert (len(data.published.train), len(data.published.test)) == (113_345, 2976)
    whole = np.loadtxt(mirror / "adressa-macr" / "rating.csv", delimiter=",", skiprows=1, dtype=int)[:, 1:]
    kept = data.interactions
    pairs = np.stack([data.user_ids[kept.users], data.item_ids[kept.items]], axis=1)
    np.testing.assert_array_equal(np.unique(pairs, axis=0), np.unique(whole, axis=0))
    # Uniform over articles, where training is not: the four most read articles are rare in test.
    train, test = data.published.train.item_counts, data.published.test.item_counts
    popular = np.argsort(train)[-74:]
    assert train[popular].sum() / train.sum() > 3 * test[popular].sum() / test.sum()
