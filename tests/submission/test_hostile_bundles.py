"""What a submitter of ill will may send: each is refused with its file, reason and remedy, or does nothing."""

import json
import os
import pickle
import re
import stat
import tracemalloc
import zipfile
from io import BytesIO

import numpy as np
import pytest
from bundles import files_of, first, forged, records_of, rehashed, set_records, written

from recbench.leaderboard.latex import latex
from recbench.leaderboard.render import as_csv, as_list, markdown, plain
from recbench.submission.rerun import picked
from recbench.submission.verify import verify


@pytest.fixture
def refusal(plugins, tmp_path, monkeypatch):
    """What is said of a bundle, which leaves no file anywhere."""
    monkeypatch.chdir(tmp_path)

    def of(bundle) -> str:
        before = sorted(tmp_path.rglob("*"))
        report = verify(bundle, lambda: plugins, "reported")
        assert sorted(tmp_path.rglob("*")) == before
        assert report.badge == "refused"
        assert all(each.file and each.reason and each.remedy for each in report.refusals)
        return str(report.refusals[0])

    return of


@pytest.mark.parametrize(
    "name",
    [
        "../../evil.py",
        "/etc/cron.d/evil",
        "C:\\evil.py",
        "fit/../evil.npy",
        "bundle.zip",
        "a\x1b[2J.npy",
        "manifest.JSON",
    ],
)
def test_a_name_that_no_bundle_has_is_refused(shop, tmp_path, refusal, name):
    bundle = written(files_of(shop) | {name: b"x"}, tmp_path / "b.zip")
    assert refusal(bundle).endswith("a bundle holds no file of this name; pack the run anew with 'recbench submit'")


def test_an_entry_without_a_name_is_refused(shop, tmp_path, refusal):
    written(files_of(shop), tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "a") as archive, archive.open(zipfile.ZipInfo(""), "w") as entry:
        entry.write(b"x")
    assert "a bundle holds no file of this name" in refusal(tmp_path / "b.zip")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFCHR])
def test_links_folders_and_devices_are_refused(shop, tmp_path, refusal, kind):
    written(files_of(shop), tmp_path / "b.zip")
    entry = zipfile.ZipInfo("fit/link")
    entry.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "b.zip", "a") as archive:
        archive.writestr(entry, "/etc/passwd")
    assert "only plain files" in refusal(tmp_path / "b.zip")


def test_two_entries_of_one_name_are_refused(shop, tmp_path, refusal):
    written(files_of(shop), tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("cells.jsonl", files_of(shop)["cells.jsonl"])
    assert "two entries have this name" in refusal(tmp_path / "b.zip")


def test_a_bomb_is_refused_before_it_is_unpacked(shop, tmp_path, refusal):
    files = files_of(shop)
    array = next(name for name in files if name.endswith("top.npy"))
    bundle = written(files | {array: bytes(160 << 20)}, tmp_path / "b.zip")
    tracemalloc.start()
    try:
        assert "a zip bomb" in refusal(bundle)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_bomb_that_lies_about_its_size_is_cut_off_there(shop, tmp_path, refusal):
    files = files_of(shop)
    size = 48 << 20
    bundle = written(files | {"suite.json": bytes(size)}, tmp_path / "b.zip")
    content = bundle.read_bytes()
    assert content.count(size.to_bytes(4, "little")) == 2  # in the entry's own header and in the table of contents
    bundle.write_bytes(content.replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    tracemalloc.start()
    try:
        assert refusal(bundle).startswith("suite.json: it is damaged")
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_compression_of_unknown_appetite_is_refused(tmp_path, refusal, method):
    with zipfile.ZipFile(tmp_path / "b.zip", "w", method) as archive:
        archive.writestr("manifest.json", "{}")
    assert "otherwise than by deflate" in refusal(tmp_path / "b.zip")


def test_a_comment_that_hides_the_table_of_contents_is_refused(shop, tmp_path, refusal):
    written(files_of(shop), tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "a") as archive:
        archive.comment = b"PK\x05\x06 and so on"
    assert "no plain zip file" in refusal(tmp_path / "b.zip")


def test_a_file_that_is_something_else_too_is_refused(shop, tmp_path, refusal):
    bundle = written(files_of(shop), tmp_path / "b.zip")
    bundle.write_bytes(b"#!/bin/sh\necho owned; exit\n" + bundle.read_bytes())
    assert "stands before its first entry" in refusal(bundle)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x89PNG" + bytes(99), b"PK\x05\x06" + bytes(18)])
def test_what_is_no_bundle_is_refused(tmp_path, refusal, content):
    (tmp_path / "b.zip").write_bytes(content)
    refusal(tmp_path / "b.zip")


def test_a_file_that_is_not_there_is_refused(tmp_path, refusal):
    assert "b.zip: there is no such file" in refusal(tmp_path / "b.zip")


class Trap:
    """Unpickled, it makes a folder."""

    def __reduce__(self):
        return os.mkdir, ("sprung",)


def _npy(array, **options) -> bytes:
    file = BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


_HUGE = b"\x93NUMPY\x01\x00\x46\x00{'descr': '<i4', 'fortran_order': False, 'shape': (9999999999, 9999999999), } \n"

ARRAYS = {
    "objects": (lambda top: _npy(np.array([[Trap()]]), allow_pickle=True), "no .npy file"),
    "a pickle": (lambda top: pickle.dumps(Trap()), "no .npy file"),
    "an npz": (lambda top: b"PK\x03\x04" + bytes(40), "no .npy file"),
    "a shape beyond memory": (lambda top: _HUGE, "not the number of bytes"),
    "a header that is evaluated": (lambda top: top.replace(b"(", b"[", 1), "no .npy file"),
    "a wider type": (lambda top: _npy(np.zeros((40, 100))), "expected int32"),
    "another dimension": (lambda top: _npy(np.zeros(40, np.int32)), "1 dimensions"),
    "too many bytes": (lambda top: top + b"!", "not the number of bytes"),
    "columns first": (lambda top: _npy(np.asfortranarray(np.zeros((40, 100), np.int32))), "no .npy file"),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_an_array_that_is_none_is_refused_and_nothing_unpickled(shop, tmp_path, refusal, case):
    make, reason = ARRAYS[case]

    def change(files):
        name = next(name for name in files if name.endswith("top.npy"))
        files[name] = make(files[name])

    assert reason in refusal(forged(shop, tmp_path / "b.zip", change))
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_refused(shop, tmp_path, refusal, value):
    def change(files):
        name = next(name for name in files if name.endswith("target_scores.npy"))
        scores = np.load(BytesIO(files[name]))
        scores[3, 1] = value
        files[name] = _npy(scores)

    assert "not finite" in refusal(forged(shop, tmp_path / "b.zip", change))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": -Infinity}', "-Infinity is not a number"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 3000 + b"}", "too long"),
        (b'{"a": 1, "a": 2}', "there twice"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' * 40 + b"1" + b"}" * 40, "nested too deeply"),
        (b'"\\ud800"', "not JSON in UTF-8"),
        (b"\xff\xfe", "not JSON in UTF-8"),
        (b"[]", "valid dictionary"),
        (b'{"schema": 2}', "this recbench reads 1"),
    ],
)
def test_json_of_two_meanings_or_none_is_refused(shop, tmp_path, refusal, text, reason):
    assert reason in refusal(written(files_of(shop) | {"manifest.json": text}, tmp_path / "b.zip"))


def test_an_entry_of_a_gigabyte_of_json_is_not_read(shop, tmp_path, refusal):
    files = files_of(shop)
    files["suite.json"] = b"[" + os.urandom(2 << 20).hex().encode() + b"]"
    assert "at most 1,048,576 are read" in refusal(written(rehashed(files), tmp_path / "b.zip"))


def _set(*path, value):
    def change(records):
        place = first(records)
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


def _twice(records):
    records.append(records[0])


def _gone(records):
    records.remove(first(records, status="error"))


def _other_seed(records):
    first(records)["question"]["seed"] = 5


RECORDS = {
    "there twice": _twice,
    "fewer cells": _gone,
    "another question": _other_seed,
    "a forged id": _set("cell_id", value="0" * 20),
    "an id that is none": _set("build_id", value="../../x"),
    "a metric above 1": _set("metrics", "ndcg@10", value=1.5),
    "a metric of words": _set("metrics", "ndcg@10", value="1"),
    "a huge metric": _set("metrics", "rank-gain", value=1e300),
    "a name of metric that is markup": _set("metrics", "<script>", value=0.5),
    "a component's name that is markup": _set("question", "recommender", "name", value="<b>x</b>"),
    "negative cost": _set("cost", "fit", "cpu_seconds", value=-1),
    "a log to read": _set("log", value="/etc/passwd"),
    "a key beyond the schema": _set("exec", value="import os"),
    "ok without lists": _set("artifacts", value={}),
    "an unknown status": _set("status", value="best"),
    "profiles without an attack": _set("artifacts", "profiles", value="0" * 40),
    "a cell of another suite": _set("suite_version", value="2"),
}


@pytest.mark.parametrize("case", RECORDS)
def test_duplicated_altered_and_forged_cells_are_refused(shop, tmp_path, refusal, case):
    def change(files):
        records = records_of(files)
        RECORDS[case](records)
        set_records(files, records)

    assert refusal(forged(shop, tmp_path / "b.zip", change)).startswith("cells.jsonl")


def test_a_clean_twin_of_the_submitters_choice_is_refused(shop, tmp_path, refusal):
    def change(files):
        records = records_of(files)
        attacked = next(each for each in records if each["question"]["attacker"]["name"] != "none" and each["metrics"])
        attacked["artifacts"]["clean"] = attacked["artifacts"]["fit"]
        set_records(files, records)

    assert "other lists than those of its clean twin" in refusal(forged(shop, tmp_path / "b.zip", change))


def test_a_suite_of_more_cells_than_memory_holds_is_counted_not_made(shop, tmp_path, refusal):
    def change(files):
        files["suite.json"] = json.dumps(json.loads(files["suite.json"]) | {"seeds": 10**12}).encode()

    assert "the suite asks for" in refusal(forged(shop, tmp_path / "b.zip", change))


def test_a_changed_missing_or_additional_file_is_refused(shop, tmp_path, refusal):
    files = files_of(shop)
    array = next(name for name in files if name.endswith("top.npy"))
    changed = files | {array: files[array][:-1] + b"\x07"}
    assert "its sha256 is not the one" in refusal(written(changed, tmp_path / "b.zip"))
    missing = {name: content for name, content in files.items() if name != array}
    assert array in refusal(written(missing, tmp_path / "b.zip"))
    assert "a cell refers to it" in refusal(written(rehashed(missing), tmp_path / "b.zip"))
    loose = files | {f"fit/{'0' * 40}/top.npy": files[array]}
    assert "no cell refers to it" in refusal(written(rehashed(loose), tmp_path / "b.zip"))


NASTY = "<script>alert(1)</script> | **b** `x` \\input{/etc/passwd} $x$"


def test_names_and_notes_are_shown_harmlessly(shop, tmp_path, plugins):
    def change(files):
        changed = {"name": f"=cmd|' /C calc'!A0 {NASTY}"[:80], "notes": f"\x1b[2J\r\n{NASTY}\u202e"}
        files["manifest.json"] = json.dumps(json.loads(files["manifest.json"]) | changed).encode()

    report = verify(forged(shop, tmp_path / "b.zip", change), lambda: plugins, "reported")
    assert report.badge == "reported"
    assert plain(report.notes).isprintable()
    assert "<script>" not in markdown(report.name)
    assert re.sub(r"\\.", "", markdown(NASTY)) == "&lt;script&gt;alert(1)&lt;/script&gt;  b x input/etc/passwd x"
    assert "\\input" not in latex(NASTY)
    assert as_csv(["name"], [{"name": report.name}]).splitlines()[1].lstrip('"').startswith("'=")
    assert "<script>" not in as_list("Submissions", [report.notes])


@pytest.mark.parametrize("name", ["two\nlines", "\x1b[31mred", "\u202eright to left", "", "x" * 81])
def test_a_name_that_is_no_line_is_refused(shop, tmp_path, refusal, name):
    files = files_of(shop)
    files["manifest.json"] = json.dumps(json.loads(files["manifest.json"]) | {"name": name}).encode()
    assert refusal(written(files, tmp_path / "b.zip")).startswith("manifest.json: 'name'")


def test_who_grinds_the_manifest_does_not_choose_what_is_run_again():
    records = [{"cell_id": f"{number:020x}", "status": "ok"} for number in range(40)]
    forged_cell = records[7]["cell_id"]

    def found(fingerprint: str, nonce: str) -> bool:
        return forged_cell in {record["cell_id"] for record in picked(fingerprint, records, 10, nonce)}

    # Ground until the nonce that the submitter expects misses the forged cell.
    ground = next(f"manifest {number}" for number in range(99) if not found(f"manifest {number}", "expected"))
    chances = [found(ground, f"drawn later {number}") for number in range(400)]
    assert 0.18 < np.mean(chances) < 0.32
    assert picked(ground, records, 10, "n") == picked(ground, records[::-1], 10, "n")
