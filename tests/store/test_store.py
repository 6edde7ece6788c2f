"""The store under writers that compete, die or make mistakes."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from recbench.errors import DataError
from recbench.store import Artifact, Store, StoreError
from recbench.store.artifacts import write_artifact
from recbench.store.files import keep_first

HOURS_AGO = time.time() - 4 * 3600


def test_putting_a_key_again_keeps_what_is_there(tmp_path):
    store = Store(tmp_path)
    first = store.put("key", Artifact({"x": np.arange(3)}))
    assert store.put("key", Artifact({"x": np.arange(4)})) == first
    assert len(store.get("key").arrays["x"]) == 3


def test_a_store_that_holds_nothing_reads_as_empty_and_makes_no_folder(tmp_path):
    store = Store(tmp_path / "run")
    assert not store.has("key")
    assert store.records() == []
    assert store.read_record("cell") is None
    assert store.read_document("plan.json") is None
    assert store.check() == []
    store.sweep()
    with pytest.raises(DataError, match="there is no artifact 'key'"):
        store.get("key")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("key", ["", "a", "../../x", "a/b", ".hidden", "a\nb", "A" * 64, "a" * 129, "x\\y", None])
def test_a_key_that_is_no_safe_file_name_is_refused(tmp_path, key):
    store = Store(tmp_path)
    with pytest.raises(DataError, match="must match"):
        store.put(key, Artifact())
    with pytest.raises(DataError, match="must match"):
        store.has(key)
    with pytest.raises(DataError, match=r"cell_id .* must match"):
        store.write_record({"cell_id": key})
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    store = Store(tmp_path)

    def disk_full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    for write in (
        lambda: store.put("key", Artifact({"x": np.zeros(9)})),
        lambda: store.write_record({"cell_id": "cell"}),
    ):
        with pytest.raises(StoreError, match="No space left on device; mend that and run again"):
            write()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_meta_and_digest_are_read_without_the_arrays(tmp_path):
    store = Store(tmp_path)
    digest = store.put("key", Artifact({"x": np.arange(3)}, {"users": 3}))
    os.truncate(store.path("key"), store.path("key").stat().st_size - 24)
    assert store.meta("key") == {"users": 3}
    assert store.digest("key") == digest


def test_of_two_writers_of_one_key_the_slower_gets_the_digest_of_the_faster(tmp_path, monkeypatch):
    store = Store(tmp_path)
    digests = []

    def write_and_be_overtaken(file, artifact):
        monkeypatch.undo()
        write_artifact(file, artifact)
        digests.append(store.put("key", Artifact({"x": np.arange(2)})))

    monkeypatch.setattr("recbench.store.store.write_artifact", write_and_be_overtaken)
    assert [store.put("key", Artifact({"x": np.arange(5)}))] == digests
    assert len(store.get("key").arrays["x"]) == 2
    assert [path.name for path in (tmp_path / "artifacts/ke").iterdir()] == ["key.safetensors"]


def test_where_a_file_system_has_no_links_a_key_is_stored_all_the_same_and_stays(tmp_path, monkeypatch):
    def no_links(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    store = Store(tmp_path)
    first = store.put("key", Artifact({"x": np.arange(3)}))
    assert store.digest("key") == first
    (tmp_path / "later").write_text("later")
    keep_first(tmp_path / "later", store.path("key"))
    assert store.digest("key") == first
    assert [path.name for path in (tmp_path / "artifacts/ke").iterdir()] == ["key.safetensors"]


WRITER = """
import os, random, sys, time
import numpy as np
from recbench.store import Artifact, Store, StoreError

def write(store):
    for i in range(100_000):
        x = np.full(20_000, i)
        store.put(f"key-{i:06d}", Artifact({"x": x, "y": x + 1}, {"i": i}))
        store.write_record({"cell_id": f"cell-{i % 3}", "value": list(range(i % 1000))})

store, kills = Store(sys.argv[1]), int(sys.argv[2])
if not kills:
    write(store)
chance = random.Random(0)
for _ in range(kills):
    writer = os.fork()
    if writer == 0:
        write(store)
    time.sleep(chance.uniform(0.0, 0.06))
    os.kill(writer, 9)
    os.waitpid(writer, 0)
"""


def test_a_writer_killed_at_any_instant_leaves_only_whole_artifacts_and_records(tmp_path):
    store = Store(tmp_path)
    subprocess.run([sys.executable, "-c", WRITER, str(tmp_path), "60"], check=True)
    keys = store.artifact_keys()
    assert keys == [f"key-{i:06d}" for i in range(len(keys))]  # each writer made what the one before had not finished
    assert keys
    assert store.check() == []
    for i, key in enumerate(keys):
        artifact = store.get(key)
        assert artifact.meta == {"i": i}
        assert [int(artifact.arrays[name].sum()) for name in "xy"] == [20_000 * i, 20_000 * (i + 1)]
    assert store.records()
    halves = [*tmp_path.glob("artifacts/*/.*.tmp"), *tmp_path.glob("cells/.*.tmp")]
    assert halves
    for path in halves:
        os.utime(path, (HOURS_AGO, HOURS_AGO))
    store.sweep()
    assert list(tmp_path.rglob(".*")) == []
    assert sorted(path.stem for path in tmp_path.glob("artifacts/*/*")) == keys


def test_two_writers_of_the_same_keys_do_each_other_no_harm(tmp_path):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), "0"]) for _ in range(2)]
    deadline = time.monotonic() + 20
    while len(list(tmp_path.glob("artifacts/*/[!.]*"))) < 10 and time.monotonic() < deadline:
        time.sleep(0.02)
    for process in writers:
        assert process.poll() is None
        process.kill()
        process.wait()
    assert len(list(tmp_path.glob("artifacts/*/[!.]*"))) >= 10
    assert Store(tmp_path).check() == []


def test_sweep_leaves_alone_what_may_still_be_written(tmp_path):
    store = Store(tmp_path)
    store.put("key", Artifact({"x": np.zeros(3)}))
    store.write_record({"cell_id": "cell"})
    fresh = [
        tmp_path / ".plan.json.1.ab.tmp",
        tmp_path / "cells/.c.json.1.ab.tmp",
        tmp_path / "artifacts/ke/.k.1.ab.tmp",
    ]
    stale = [path.with_name(path.name.replace("ab", "cd")) for path in fresh]
    for path in (*fresh, *stale):
        path.touch()
    for path in (*stale, tmp_path / "cells/cell.json", store.path("key")):
        os.utime(path, (HOURS_AGO, HOURS_AGO))
    store.sweep()
    assert all(path.exists() for path in fresh)
    assert not any(path.exists() for path in stale)
    assert store.has("key")
    assert store.read_record("cell") == {"cell_id": "cell"}


def test_records_are_replaced_and_come_sorted(tmp_path):
    store = Store(tmp_path)
    for cell_id, value in (("b2", 1), ("a1", 2), ("b2", 3)):
        store.write_record({"cell_id": cell_id, "value": value})
    assert store.records() == [{"cell_id": "a1", "value": 2}, {"cell_id": "b2", "value": 3}]
    assert store.read_record("b2") == {"cell_id": "b2", "value": 3}


def test_equal_records_are_equal_bytes(tmp_path):
    for name, record in (
        ("one", {"cell_id": "cell", "b": 1, "a": 0.1}),
        ("two", {"a": 0.1, "b": 1, "cell_id": "cell"}),
    ):
        Store(tmp_path / name).write_record(record)
    one, two = ((tmp_path / name / "cells/cell.json").read_bytes() for name in ("one", "two"))
    assert one == two


def test_a_record_with_a_number_that_is_not_finite_is_refused_by_its_place(tmp_path):
    store = Store(tmp_path)
    store.write_record({"cell_id": "cell", "metrics": {"recall@10": 0.5}})
    with pytest.raises(DataError, match=r"the record of cell 'cell' .* metrics\.recall@10 is not a finite number"):
        store.write_record({"cell_id": "cell", "metrics": {"recall@10": float("nan")}})
    assert store.read_record("cell") == {"cell_id": "cell", "metrics": {"recall@10": 0.5}}


@pytest.mark.parametrize(
    "content", [b"", b'{"cell_id": "cell"', b"[1]", b"\xff\xfe", json.dumps({"cell_id": "x"}).encode()]
)
def test_a_corrupt_record_reads_as_none_and_is_reported(tmp_path, content):
    store = Store(tmp_path)
    store.write_record({"cell_id": "sound"})
    (tmp_path / "cells/cell.json").write_bytes(content)
    assert store.read_record("cell") is None
    assert store.records() == [{"cell_id": "sound"}]
    (problem,) = store.check()
    assert problem.startswith("the record of cell 'cell' is corrupt; remove")


def test_documents_are_replaced_and_their_names_checked(tmp_path):
    store = Store(tmp_path)
    store.write_document("plan.json", {"cells": 1})
    store.write_document("plan.json", {"cells": 2})
    assert store.read_document("plan.json") == {"cells": 2}
    for name in ("../plan.json", "plan.txt", "cells/plan.json", ".json"):
        with pytest.raises(DataError, match="must match"):
            store.write_document(name, {})


def test_a_root_may_be_a_string(tmp_path):
    store = Store(str(tmp_path / "run"))
    store.put("key", Artifact())
    assert Store(Path(tmp_path / "run")).has("key")
