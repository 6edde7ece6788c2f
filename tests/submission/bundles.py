"""Bundles taken apart and put together again, as a submitter of ill will would."""

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

Files = dict[str, bytes]


def files_of(bundle: Path) -> Files:
    return dict(_read(bundle))


@cache
def _read(bundle: Path) -> Files:
    with zipfile.ZipFile(bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(files: Mapping[str, bytes], path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def rehashed(files: Files) -> Files:
    """The files with a manifest that agrees with them: hashes are anybody's to compute."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name != "manifest.json"
    }
    return files | {"manifest.json": json.dumps(manifest).encode()}


def forged(bundle: Path, path: Path, change: Callable[[Files], None]) -> Path:
    """A copy of the bundle after `change`, its hashes made to agree."""
    files = files_of(bundle)
    change(files)
    return written(rehashed(files), path)


def records_of(files: Files) -> list[dict[str, Any]]:
    return [json.loads(line) for line in files["cells.jsonl"].splitlines()]


def set_records(files: Files, records: list[dict[str, Any]]) -> None:
    files["cells.jsonl"] = b"".join(json.dumps(record).encode() + b"\n" for record in records)


def first(records: list[dict[str, Any]], attacker: str = "none", status: str = "ok") -> dict[str, Any]:
    """The first record of a cell without a defense, under an attack."""

    def fits(record: dict[str, Any]) -> bool:
        question = record["question"]
        return question["attacker"]["name"] == attacker and question["defense"]["name"] == "none"

    return next(record for record in records if record["status"] == status and fits(record))
