"""Artifacts: what is put is what is got, and the digest is of the content."""

import hashlib
import json
import mmap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors import numpy as safetensors

from recbench.errors import DataError
from recbench.store import Artifact, Store, content_digest

NAMES = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,20}\Z")
ARRAYS = hnp.arrays(
    dtype=st.one_of(
        hnp.boolean_dtypes(),
        hnp.integer_dtypes(endianness="<"),
        hnp.unsigned_integer_dtypes(endianness="<"),
        hnp.floating_dtypes(sizes=(16, 32, 64), endianness="<"),
    ),
    shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
META = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=3), values, max_size=3),
        max_leaves=5,
    ),
    max_size=3,
)


@settings(max_examples=60, deadline=None)
@given(arrays=st.dictionaries(NAMES, ARRAYS, max_size=3), meta=META)
def test_what_is_got_is_what_was_put(tmp_path_factory, arrays, meta):
    store = Store(tmp_path_factory.mktemp("run"))
    artifact = Artifact(arrays, meta)
    digest = store.put("key", artifact)
    got = store.get("key")
    assert digest == artifact.digest == got.digest == content_digest(got) == store.digest("key")
    assert got.meta == meta
    assert got.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (got.arrays[name].dtype, got.arrays[name].shape) == (array.dtype, array.shape)
        assert got.arrays[name].tobytes() == array.tobytes()
        assert got.arrays[name].flags.aligned


@settings(max_examples=40, deadline=None)
@given(arrays=st.dictionaries(NAMES, ARRAYS, max_size=3), meta=META)
def test_the_library_of_the_format_reads_what_was_put_and_what_it_writes_is_got(tmp_path_factory, arrays, meta):
    store = Store(tmp_path_factory.mktemp("run"))
    store.put("key", Artifact(arrays, meta))
    read = safetensors.load_file(store.path("key"))
    assert read.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (read[name].dtype, read[name].shape) == (array.dtype, array.shape)
        assert read[name].tobytes() == array.tobytes()
    texts = {"digest": store.digest("key"), "meta": json.dumps(meta)}
    theirs = store.path("theirs")
    theirs.parent.mkdir()
    safetensors.save_file({name: array.copy() for name, array in arrays.items()}, theirs, texts)
    assert content_digest(store.get("theirs")) == store.digest("key")


def test_the_digest_is_the_documented_hash():
    x = np.array([[1, 2]], dtype="<i4")
    expected = hashlib.sha256(b'["x", "\'<i4\'", [1, 2]]\n' + x.tobytes() + b'{"a": 1}\n').hexdigest()
    assert Artifact({"x": x}, {"a": 1}).digest == expected


def test_the_digest_tells_name_dtype_shape_value_and_meta_apart():
    base = np.arange(6, dtype=np.int32)
    digests = [
        artifact.digest
        for artifact in (
            Artifact({"x": base}),
            Artifact({"y": base}),
            Artifact({"x": base.view(np.float32)}),
            Artifact({"x": base.view(np.uint32)}),
            Artifact({"x": base.reshape(2, 3)}),
            Artifact({"x": base[::-1]}),
            Artifact({"x": base}, {"a": 1}),
            Artifact({"x": base}, {"a": 1.5}),
            Artifact({"x": base, "y": base}),
            Artifact(),
        )
    ]
    assert len(set(digests)) == len(digests)


def test_the_digest_does_not_depend_on_order_or_memory_layout():
    x, y = np.arange(6.0).reshape(2, 3), np.zeros(2)
    one = Artifact({"x": x, "y": y}, {"a": 1, "b": 2})
    two = Artifact({"y": y, "x": np.asfortranarray(x)}, {"b": 2, "a": 1})
    assert one.digest == two.digest


def test_what_was_measured_does_not_count_for_the_digest(tmp_path):
    one, two = (Artifact({}, {"a": 1, "measured": {"seconds": seconds}}) for seconds in (1.0, 2.0))
    assert one.digest == two.digest
    store = Store(tmp_path)
    store.put("key", one)
    assert store.get("key").meta["measured"] == {"seconds": 1.0}
    assert store.check() == []


def test_arrays_from_a_store_are_read_only_and_mapped(tmp_path):
    store = Store(tmp_path)
    store.put("key", Artifact({"x": np.arange(1000)}))
    x = store.get("key").arrays["x"]
    assert type(x) is np.ndarray
    assert isinstance(x.base, mmap.mmap)
    with pytest.raises(ValueError, match="read-only"):
        x[0] = 1


@pytest.mark.parametrize(
    ("arrays", "meta", "message"),
    [
        (
            {"x": np.array([{}], dtype=object)},
            {},
            "'x' is of type object, which is not stored; convert it to one of bool",
        ),
        ({"x": np.array(["a"])}, {}, "'x' is of type <U1, which is not stored"),
        ({"x": np.zeros(1, ">i4")}, {}, "'x' is of type >i4, which is not stored"),
        ({"x": [1, 2]}, {}, "'x' is of type list"),
        ({"../x": np.zeros(1)}, {}, "'../x' must match"),
        ({"": np.zeros(1)}, {}, "'' must match"),
        ({"__metadata__": np.zeros(1)}, {}, "'__metadata__' must match"),
        ({}, {"a": {"b": [1.0, float("nan")]}}, "a.b.1 is not a finite number"),
        ({}, {"measured": float("inf")}, "measured is not a finite number"),
        ({}, {"a": np.int64(1)}, "int64 is not JSON serializable"),
    ],
)
def test_what_cannot_be_stored_is_refused_and_leaves_nothing(tmp_path, arrays, meta, message):
    store = Store(tmp_path)
    with pytest.raises(DataError, match=message):
        store.put("key", Artifact(arrays, meta))
    assert not store.has("key")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def header_of(content: bytes) -> bytes:
    return content[8 : 8 + int.from_bytes(content[:8], "little")]


def with_header(content: bytes, header: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header + content[8 + len(header_of(content)) :]


def edited(content: bytes, **changes: object) -> bytes:
    header = json.loads(header_of(content))
    header["x"] |= changes
    return with_header(content, json.dumps(header).encode())


@pytest.mark.parametrize(
    "damage",
    {
        "nothing there": lambda content: b"",
        "cut in the length": lambda content: content[:5],
        "cut in the header": lambda content: content[:40],
        "a header without end": lambda content: b"\xff" * 8 + content[8:],
        "no JSON": lambda content: with_header(content, b"{"),
        "another JSON": lambda content: with_header(content, b"[]"),
        "no metadata": lambda content: with_header(content, b"{}"),
        "metadata of others": lambda content: with_header(content, b'{"__metadata__": {"format": "pt"}}'),
    }.values(),
)
def test_a_damaged_header_is_reported_and_not_taken_for_absent(tmp_path, damage):
    store = Store(tmp_path)
    store.put("key", Artifact({"x": np.zeros(3)}))
    store.path("key").write_bytes(damage(store.path("key").read_bytes()))
    for read in (store.get, store.digest, store.meta, lambda key: store.put(key, Artifact())):
        with pytest.raises(DataError, match=r"'key' is damaged .* remove"):
            read("key")
    assert len(store.check()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"dtype": "O"},
        {"shape": [4]},
        {"shape": [-3]},
        {"shape": "3"},
        {"data_offsets": [0, 800]},
        {"data_offsets": [-24, 0]},
        {"data_offsets": [8, 32]},
        {"more": 1},
    ],
)
def test_an_entry_that_is_not_of_its_bytes_is_reported(tmp_path, change):
    store = Store(tmp_path)
    store.put("key", Artifact({"x": np.zeros(3)}))
    store.path("key").write_bytes(edited(store.path("key").read_bytes(), **change))
    with pytest.raises(DataError, match="'key' is damaged"):
        store.get("key")


def test_a_changed_or_shortened_array_is_reported(tmp_path):
    store = Store(tmp_path)
    for key in ("changed", "shortened", "sound"):
        store.put(key, Artifact({"x": np.arange(100)}))
    changed = store.path("changed").read_bytes()
    store.path("changed").write_bytes(changed[:-1] + b"!")
    with store.path("shortened").open("r+b") as file:
        file.truncate(300)
    changed, shortened = store.check()
    assert "'changed' has changed" in changed
    assert "'shortened' is damaged" in shortened
