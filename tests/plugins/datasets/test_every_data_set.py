"""What holds for every standard data set; what is peculiar to one is in the file of its family."""

import re
from pathlib import Path

import numpy as np
import pytest

from recbench.contracts.dataset import Dataset, Mirror
from recbench.data.splits import published_split
from recbench.factories import resolve
from recbench.plugins import load_plugins

DATASETS: dict[str, Dataset] = {
    component.name: resolve(component)() for component in load_plugins(third_party=False).components("dataset")
}
COMPONENTS = {component.name: component for component in load_plugins(third_party=False).components("dataset")}
MIRRORED = [name for name, each in DATASETS.items() if any(isinstance(source, Mirror) for source in each.sources)]


@pytest.mark.parametrize("name", MIRRORED)
def test_it_is_what_was_published_and_holds_what_it_declares(load, name):
    data, info = load(name), DATASETS[name].info
    kept = data.interactions
    assert (kept.n_users, kept.n_items, len(kept)) == (info.users, info.items, info.interactions)
    assert len(np.unique(kept.users)) == info.users
    assert len(np.unique(kept.items)) == info.items
    assert data.provides == COMPONENTS[name].provides
    assert (info.scale is None) == (kept.ratings is None)


@pytest.mark.parametrize("name", MIRRORED)
def test_its_catalogue_says_something_of_nearly_every_item(load, name):
    catalog = load(name).catalog
    for entries in (catalog.titles, catalog.texts, catalog.categories):
        assert sum(not entry for entry in entries) == 0


@pytest.mark.parametrize("name", [name for name in MIRRORED if "split" in COMPONENTS[name].provides])
def test_the_published_parts_are_the_whole(load, name):
    data = load(name)
    split = data.published
    assert len(split.train) + len(split.validation) + len(split.test) == len(data.interactions)
    again = published_split(data.interactions, split, seed=0, validation=0.0)
    assert (again.train.digest, again.test.digest) == (split.train.digest, split.test.digest)


@pytest.mark.parametrize("name", DATASETS)
def test_it_says_on_what_terms_it_may_be_used_how_to_cite_it_and_what_to_beware_of(name):
    info = DATASETS[name].info
    assert info.name == name
    assert info.url.startswith("https://")
    assert len(info.licence) > 5
    assert re.search(r"(19|20)\d\d", info.citation)
    assert info.traps
    provides = COMPONENTS[name].provides
    told = " ".join(info.traps)
    assert ("no ratings" in told) == ("ratings" not in provides)
    assert ("no timestamps" in told) == ("timestamps" not in provides)


@pytest.mark.parametrize("name", DATASETS)
def test_its_summary_gives_the_published_numbers(name):
    summary, info = COMPONENTS[name].summary, DATASETS[name].info
    for count in (info.users, info.items, info.interactions):
        assert count is None or f"{count:,}" in summary


def test_every_data_set_of_the_mirror_is_carried(mirror: Path):
    folders = {
        source.folder or name
        for name, each in DATASETS.items()
        for source in each.sources
        if isinstance(source, Mirror)
    }
    assert folders == {path.name for path in mirror.iterdir() if path.is_dir()}
