"""`pack`: a finished run as a bundle. The same run gives the same bytes."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

from recbench import __version__
from recbench.errors import DataError
from recbench.matrix.run import ENVIRONMENT as SURROUNDINGS
from recbench.plugins import Plugins
from recbench.results import AXES, MISSING, Results
from recbench.specs import THEN
from recbench.store import Artifact, Store, content_digest
from recbench.store.files import to_json, writing
from recbench.submission.archive import MAX_FILES
from recbench.submission.arrays import ARRAYS, to_npy
from recbench.submission.bundle import CELLS, ENVIRONMENT, MANIFEST, SUITE, array_file, artifacts_of
from recbench.submission.schema import SCHEMA, checked_manifest, checked_record

EPOCH = (1980, 1, 1, 0, 0, 0)
"""When every entry of the zip file was written, it says."""
LEFT_OUT = frozenset({"digest", "log"})
"""What the store adds to a record, and a path that leads nowhere elsewhere."""


def pack(run: Path, out: Path, plugins: Plugins, name: str = "", notes: str = "") -> int:
    """Pack what a run has found: its suite, records and environment, the lists and profiles behind its metrics.

    The data set is left out, whose licence may forbid passing it on; its digest is in the manifest.

    Args:
        run: the folder of a finished run.
        out: the bundle, a `.zip` file; replaced if it is there.
        plugins: what is installed, for the distributions that the components come from.
        name: how the submission is listed; by default the suite and its version.
        notes: the submitter's words.

    Returns:
        How many cells are in the bundle.

    Raises:
        DataError: a run that is not finished or is of several builds, an artifact that is missing or has
            changed, too many files for one bundle, a name or notes that cannot be listed.
        StoreError: the bundle cannot be written.
    """
    results, store = Results.read(run), Store(run)
    suite = results.suite
    _check_finished(results)
    environment = store.read_document(SURROUNDINGS)
    if environment is None:
        raise DataError(f"{run} holds no readable {SURROUNDINGS}; run the suite again, which writes it")
    records = [_packed(record) for record in results.records]
    documents = {
        SUITE: to_json(suite.model_dump(mode="json"), SUITE, indent=1),
        CELLS: b"".join(to_json(record, CELLS) for record in sorted(records, key=lambda record: record["cell_id"])),
        ENVIRONMENT: to_json(environment, ENVIRONMENT, indent=1),
    }
    arrays = artifacts_of(records)
    if len(arrays) * max(map(len, ARRAYS.values())) + len(documents) >= MAX_FILES:
        raise DataError(f"{run} has too many lists for one bundle; run fewer data sets or components a folder")
    prepared = {key for record in records if (key := record["artifacts"].get("prepared"))}
    manifest = {
        "schema": SCHEMA,
        "recbench": __version__,
        "name": name or f"{suite.name} {suite.version}",
        "notes": notes,
        "plugins": _distributions(results, plugins, environment),
        "data": {key: store.digest(key) for key in prepared},
    }
    checked_manifest(manifest | {"files": {}}, "the name or the notes")
    temporary = out.with_name(f".{out.name}.tmp")
    with writing(out.parent):
        try:
            _write(temporary, documents, manifest, arrays, store)
            temporary.replace(out)
        finally:
            temporary.unlink(missing_ok=True)
    return len(records)


def _check_finished(results: Results) -> None:
    waiting = sum(cell["status"] == MISSING for cell in results.cells)
    stale = sum(cell["stale"] for cell in results.cells)
    if waiting:
        raise DataError(f"{waiting} cells of {results.folder} are not computed yet; run the suite to its end")
    if stale:
        raise DataError(f"{stale} cells of {results.folder} are of another build; mend that with --rerun stale")
    if on_trained := {cell["question"]["attacker"]["name"] for cell in results.cells if "perturb" in cell["cost"]}:
        names = ", ".join(sorted(on_trained))
        raise DataError(
            f"attacks on a trained victim leave nothing that a verifier could check: run without {names} to submit"
        )
    if pipelines := {name for cell in results.cells if THEN in (name := cell["question"]["defense"]["name"])}:
        names = ", ".join(sorted(pipelines))
        raise DataError(f"the cells of a bundle have one component a defense: run without {names} to submit")
    if any("examples" in cell["question"] for cell in results.cells):
        raise DataError("a verifier makes no examples: take [examples] out of the suite, and run it again, to submit")


def _packed(record: dict[str, Any]) -> dict[str, Any]:
    """The record as it travels; what a failed cell has left behind stays."""
    packed = {key: value for key, value in record.items() if key not in LEFT_OUT and key != "stale"} | {"log": ""}
    if packed["status"] != "ok":
        packed |= {"artifacts": {}, "metrics": {}}
    return checked_record(packed, f"cell {record['cell_id']}")


def _distributions(results: Results, plugins: Plugins, environment: dict[str, Any]) -> dict[str, str]:
    """The distributions that offer the run's components, in the versions that the run had."""
    names = {(axis, cell["question"][axis]) for cell in results.cells for axis in AXES if axis == "dataset"}
    names |= {(axis, cell["question"][axis]["name"]) for cell in results.cells for axis in AXES if axis != "dataset"}
    packages = environment.get("packages", {})
    return {
        row.distribution: packages.get(row.distribution, row.version)
        for row in plugins.rows
        if any((component.kind, component.name) in names for component in row.components)
    }


def _write(
    path: Path, documents: dict[str, bytes], manifest: dict[str, Any], arrays: list[tuple[str, str]], store: Store
) -> None:
    files: dict[str, str] = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:

        def add(name: str, content: bytes) -> None:
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            bundle.writestr(entry, content, zipfile.ZIP_DEFLATED)
            files[name] = hashlib.sha256(content).hexdigest()

        for name, content in sorted(documents.items()):
            add(name, content)
        for role, key in arrays:
            artifact = _whole(store, key)
            for name in ARRAYS[role]:
                if name in artifact.arrays:
                    add(array_file(role, key, name), to_npy(artifact.arrays[name]))
        add(MANIFEST, to_json(manifest | {"files": dict(files)}, MANIFEST, indent=1))


def _whole(store: Store, key: str) -> Artifact:
    artifact = store.get(key)
    if content_digest(artifact) != artifact.digest:
        raise DataError(f"artifact '{key}' has changed; 'recbench store check {store.root}' says what to do")
    return artifact
