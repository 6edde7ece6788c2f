"""Amazon's reviews: three S3-Rec files, Musical Instruments and Video Games."""

import json
from pathlib import Path

import numpy as np
import pytest

from recbench.data.splits import leave_one_out


@pytest.mark.parametrize(
    ("name", "file"),
    [("amazon-beauty", "Beauty"), ("amazon-sports", "Sports_and_Outdoors"), ("amazon-toys", "Toys_and_Games")],
)
def test_s3_rec_is_tested_on_the_last_item_of_every_line_and_validated_on_the_one_before(
    load, mirror: Path, name: str, file: str
) -> None:
    data = load(name)
    lines = [list(map(int, line.split())) for line in (mirror / "amazon-s3rec" / f"{file}.txt").open()]
    split = leave_one_out(data.interactions, seed=0)
    np.testing.assert_array_equal(data.user_ids[split.test.users], [line[0] for line in lines])
    np.testing.assert_array_equal(data.item_ids[split.test.items], [line[-1] for line in lines])
    np.testing.assert_array_equal(data.item_ids[split.validation.items], [line[-2] for line in lines])
    assert data.interactions.user_counts.min() == data.interactions.item_counts.min() == 5


def test_attributes_of_s3_rec_stand_where_genres_would(load, mirror: Path) -> None:
    attributes = json.loads((mirror / "amazon-s3rec" / "Beauty_item2attributes.json").read_text())
    data = load("amazon-beauty")
    given = dict(zip(map(str, data.item_ids.tolist()), data.catalog.genres, strict=True))
    assert given == {item: tuple(map(str, numbers)) for item, numbers in attributes.items()}


def test_musical_instruments_are_a_five_core_of_2014(load) -> None:
    data = load("amazon-musical-instruments")
    kept = data.interactions
    assert kept.user_counts.min() == kept.item_counts.min() == 5
    np.testing.assert_array_equal(np.bincount(kept.ratings.astype(int))[1:], [217, 250, 772, 2084, 6938])
    assert (kept.timestamps % 86_400 == 0).all()
    first = data.user_ids.tolist().index("A2IBPI20UZIR0U")
    assert "1384719342" in data.item_ids[kept.histories[first]]


def test_video_games_are_histories_of_titled_games(load) -> None:
    data = load("amazon-video-games")
    histories = data.interactions.histories
    assert histories.lengths.min() == 5
    assert histories.lengths.max() == 50
    assert data.item_ids[histories[0]].tolist() == list(range(15))
    assert data.catalog.titles[0] == "Fire Emblem: The Sacred Stones"
    assert len(set(data.catalog.titles)) == 16_859 - 454
