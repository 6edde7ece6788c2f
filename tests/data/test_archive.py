import io
import random
import stat
import zipfile
from pathlib import Path

import pytest

from recbench.data.archive import extract
from recbench.errors import DataError


def write(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in members.items():
            bundle.writestr(zipfile.ZipInfo(name), content, compress_type=zipfile.ZIP_DEFLATED)
    return path


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


def test_an_archive_keeps_its_folders(tmp_path: Path, into: Path) -> None:
    archive = write(tmp_path / "a.zip", {"ml/u.data": b"1", "ml/deep/x": b"2"})
    assert extract(archive, into) == [into / "ml/u.data", into / "ml/deep/x"]
    assert (into / "ml/deep/x").read_bytes() == b"2"


def test_only_the_wanted_names_are_unpacked(tmp_path: Path, into: Path) -> None:
    extract(write(tmp_path / "a.zip", {"ml/u.data": b"1", "ml/setup.py": b"2"}), into, names={"u.data"})
    assert files_below(into) == ["ml/u.data"]


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/evil", "C:/evil", "C:evil", "..\\evil", "a\\b", "//host/share/evil"]
)
def test_a_path_that_leads_outside_condemns_the_whole_archive(tmp_path: Path, into: Path, name: str) -> None:
    archive = write(tmp_path / "a.zip", {"good": b"1", name: b"2"})
    with pytest.raises(DataError, match="unsafe path"):
        extract(archive, into)
    assert files_below(tmp_path) == ["a.zip"]


def test_a_link_is_refused(tmp_path: Path, into: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as bundle:
        bundle.writestr(link, "..")
        bundle.writestr("link/evil", b"2")
    with pytest.raises(DataError, match="link 'link'"):
        extract(tmp_path / "a.zip", into)
    assert files_below(tmp_path) == ["a.zip"]


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, into: Path) -> None:
    archive = write(tmp_path / "a.zip", {"zeros": bytes(10_000_000)})
    assert archive.stat().st_size < 20_000
    with pytest.raises(DataError, match="10,000,000 bytes"):
        extract(archive, into, max_unpacked=1_000_000)
    assert files_below(into) == []


def test_a_bomb_that_understates_its_size_never_exceeds_what_it_declares(tmp_path: Path, into: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("zeros", bytes(10_000_000))
    lie = content.getvalue().replace((10_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    (tmp_path / "a.zip").write_bytes(lie)
    with pytest.raises(DataError, match="no whole zip archive"):
        extract(tmp_path / "a.zip", into, max_unpacked=1_000_000)
    assert all(path.stat().st_size <= 1000 for path in into.rglob("*"))


def test_an_archive_cut_anywhere_is_an_error(tmp_path: Path, into: Path) -> None:
    whole = write(tmp_path / "whole.zip", {"u.data": bytes(range(256)) * 40}).read_bytes()
    for length in random.Random(1).sample(range(len(whole)), 30):
        (tmp_path / "cut.zip").write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"cut\.zip is no whole zip archive"):
            extract(tmp_path / "cut.zip", into)


def test_a_flipped_bit_in_the_content_is_an_error(tmp_path: Path, into: Path) -> None:
    content = random.Random(1).randbytes(5000)  # incompressible: the middle of the file is content
    damaged = bytearray(write(tmp_path / "a.zip", {"u.data": content}).read_bytes())
    damaged[2500] ^= 1
    (tmp_path / "a.zip").write_bytes(damaged)
    with pytest.raises(DataError, match="no whole zip archive"):
        extract(tmp_path / "a.zip", into)
