"""The parser under arbitrary bytes and mutated bundles: a report comes out, or a refusal, and nothing else happens."""

import json
import sys
import tracemalloc
from pathlib import Path

import pytest
from bundles import files_of, rehashed, written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recbench.submission.archive import Archive
from recbench.submission.refusal import SubmissionError
from recbench.submission.strict_json import loads
from recbench.submission.verify import verify

FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
HARMFUL = {"os.mkdir", "os.remove", "os.rename", "os.system", "subprocess.Popen", "pickle.find_class", "socket.connect"}
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**30, -1, 2**63, 1e308])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def events():
    """What Python is asked to do beyond computing, since the last call of `clear`."""
    seen: list[str] = []

    def hook(event: str, arguments: tuple) -> None:
        writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
        if event in HARMFUL or writes:
            seen.append(f"{event} {arguments[0]}")

    sys.addaudithook(hook)
    return seen


@pytest.fixture
def harmless(plugins, tmp_path, events):
    """Verify bytes as a bundle: only reports come out, nothing is written or started, memory stays bounded."""

    def check(path: Path) -> str:
        tracemalloc.start()
        events.clear()
        try:
            report = verify(path, lambda: plugins, "reported")
            assert events == []
            assert tracemalloc.get_traced_memory()[1] < 32 << 20
        finally:
            tracemalloc.stop()
        assert (report.badge == "refused") == bool(report.refusals)
        assert all(str(refusal).isprintable() for refusal in report.refusals)
        return report.badge

    return check


@FUZZ
@given(content=st.binary(max_size=400))
def test_arbitrary_bytes(content, harmless, tmp_path):
    path = tmp_path / "b.zip"
    path.write_bytes(content)
    assert harmless(path) == "refused"


@FUZZ
@given(data=st.data())
def test_a_bundle_with_bytes_changed_cut_or_put_in(shop, data, harmless, tmp_path):
    content = bytearray(shop.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        # Half of the time where the table of contents is, which is most of what there is to be wrong.
        low = data.draw(st.sampled_from([0, len(content) - 4000]))
        at = data.draw(st.integers(low, len(content) - 1))
        kind = data.draw(st.sampled_from(["change", "cut", "put in"]))
        new = data.draw(st.binary(min_size=1, max_size=8))
        content[at : at + {"change": len(new), "cut": 8, "put in": 0}[kind]] = b"" if kind == "cut" else new
    path = tmp_path / "b.zip"
    path.write_bytes(content)
    harmless(path)


@FUZZ
@given(data=st.data())
def test_a_bundle_with_any_file_replaced_and_hashed_anew(shop, data, harmless, tmp_path):
    files = files_of(shop)
    name = data.draw(st.sampled_from(sorted(set(files) - {"manifest.json"})))
    files[name] = data.draw(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
    harmless(written(rehashed(files), tmp_path / "b.zip"))


@FUZZ
@given(data=st.data())
def test_a_bundle_with_any_value_of_a_document_replaced(shop, data, harmless, tmp_path):
    files = files_of(shop)
    name = data.draw(st.sampled_from(["manifest.json", "suite.json", "cells.jsonl"]))
    documents = [json.loads(line) for line in files[name].splitlines()] if name == "cells.jsonl" else None
    document = data.draw(st.sampled_from(documents)) if documents else json.loads(files[name])
    place = document
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if isinstance(place[key], dict) and place[key] and data.draw(st.booleans()):
            place = place[key]
            continue
        place[key] = data.draw(JSON)
        break
    files[name] = (
        b"".join(json.dumps(each).encode() + b"\n" for each in documents)
        if documents
        else json.dumps(document).encode()
    )
    harmless(written(files if name == "manifest.json" else rehashed(files), tmp_path / "b.zip"))


@FUZZ
@given(text=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()) | st.text().map(str.encode))
def test_json_is_read_or_refused(text):
    try:
        value = loads(text, "x")
    except SubmissionError:
        return
    assert json.loads(json.dumps(value, allow_nan=False)) == value


@FUZZ
@given(content=st.binary(max_size=200).map(lambda content: content + b"PK\x05\x06" + bytes(18)))
def test_an_archive_is_read_or_refused(content, tmp_path):
    path = tmp_path / "b.zip"
    path.write_bytes(content)
    try:
        with Archive(path, "b.zip") as archive:
            for name in archive.names:
                archive.read(name)
    except SubmissionError:
        pass
