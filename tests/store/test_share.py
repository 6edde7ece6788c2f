"""Artifacts go through a share whole, or not at all, on file systems that are nobody's path."""

from itertools import count

import fsspec
import numpy as np
import pytest

from recbench.errors import DataError
from recbench.store import Artifact, Share, Store, StoreError, content_digest

ARTIFACT = Artifact({"x": np.arange(6.0).reshape(2, 3), "y": np.zeros(0, np.int32)}, {"n": 1, "measured": {"s": 2.5}})
NUMBERS = count()


@pytest.fixture(params=["memory", "file"])
def url(request, tmp_path):
    return f"memory://run-{next(NUMBERS)}" if request.param == "memory" else f"file://{tmp_path / 'share'}"


@pytest.fixture
def stores(tmp_path):
    return Store(tmp_path / "one"), Store(tmp_path / "other")


def files(url):
    """The names of all files of the share, from its root."""
    system, root = fsspec.core.url_to_fs(url)
    return {path.removeprefix(root).lstrip("/") for path in system.find(root)}


def test_an_artifact_goes_from_one_store_to_another_and_is_the_same(url, stores):
    one, other = stores
    digest = one.put("key", ARTIFACT)
    Share(url).push(one, "key")
    Share(url).pull(other, "key")
    got = other.get("key")
    assert other.digest("key") == content_digest(got) == digest
    assert got.meta == ARTIFACT.meta
    assert got.arrays["x"].tolist() == ARTIFACT.arrays["x"].tolist()
    assert got.arrays["y"].dtype == np.int32
    assert other.check() == []
    assert files(url) == {"artifacts/ke/key.safetensors"}


def test_what_is_there_is_not_copied_again(url, stores, monkeypatch):
    one, other = stores
    one.put("key", ARTIFACT)
    share = Share(url)
    share.push(one, "key")
    share.pull(other, "key")
    monkeypatch.setattr("shutil.copyfileobj", None)
    share.push(one, "key")
    share.pull(other, "key")


def test_another_artifact_of_the_key_replaces_it_in_the_share_and_is_told_in_a_store(url, stores):
    one, other = stores
    one.put("key", ARTIFACT)
    other.put("key", Artifact({"x": np.ones(1)}))
    share = Share(url)
    share.push(one, "key")
    with pytest.raises(DataError, match="is another one than"):
        share.pull(other, "key")
    share.push(other, "key")
    share.pull(other, "key")


def test_a_copy_that_breaks_off_leaves_no_artifact(url, stores, monkeypatch):
    one, other = stores
    one.put("key", ARTIFACT)
    share = Share(url)

    def break_off(source, target):
        target.write(source.read(100))
        raise OSError("the line is dead")

    monkeypatch.setattr("shutil.copyfileobj", break_off)
    with pytest.raises(StoreError, match=r"copying to or from .* fails: the line is dead"):
        share.push(one, "key")
    assert files(url) == set()
    with pytest.raises(DataError, match="there is no artifact 'key' at"):
        share.pull(other, "key")
    monkeypatch.undo()
    share.push(one, "key")
    share.pull(other, "key")


@pytest.mark.parametrize(
    "damage", [lambda content: content[:4], lambda content: b"{" * 40, lambda content: content[:-1] + b"!"]
)
def test_what_is_damaged_there_does_not_reach_a_store(url, stores, damage):
    one, other = stores
    one.put("key", ARTIFACT)
    Share(url).push(one, "key")
    system, root = fsspec.core.url_to_fs(url)
    path = f"{root}/artifacts/ke/key.safetensors"
    system.pipe_file(path, damage(system.cat_file(path)))
    with pytest.raises(DataError, match=r"artifact 'key' at .* is damaged; remove it there"):
        Share(url).pull(other, "key")
    assert not other.has("key")
    assert not list(other.root.glob("artifacts/*/.*"))


def test_logs_and_marks(url, stores):
    one, other = stores
    (one.root / "logs").mkdir(parents=True)
    (one.root / "logs" / "key.log").write_text("said\n")
    share = Share(url)
    share.push_log(one, "logs/key.log")
    share.push_log(one, "logs/none.log")
    share.pull_log(other, "logs/key.log")
    share.pull_log(other, "logs/none.log")
    assert (other.root / "logs" / "key.log").read_text() == "said\n"
    share.mark("logs/mark")
    assert Share(url).has("logs/mark")
    share.unmark("logs/mark")
    assert not Share(url).has("logs/mark")


def test_a_url_that_nobody_can_read_is_one_clear_line():
    with pytest.raises(StoreError, match=r"nowhere://run is no place for a run: Protocol not known: nowhere"):
        Share("nowhere://run")
