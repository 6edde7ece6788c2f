"""The fake profiles of a run as files that a reader can keep, and an attack `--attacker FILE.npz` can replay."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from recbench.errors import DataError
from recbench.leaderboard.grid import Record
from recbench.matrix.surroundings import profiles_of
from recbench.store import Store


def write_poison(records: Iterable[Record], store: Store, folder: Path) -> dict[str, str]:
    """Write each of the profiles that the records name and the store holds; returns the files' names by key."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = sorted({key for record in records if (key := record.get("artifacts", {}).get("profiles"))})
    written = {}
    for key in keys:
        try:
            profiles = profiles_of(store.get(key))
        except DataError:
            continue  # cleared away, or damaged: 'recbench store check' tells
        profiles.save(folder / f"{key}.npz")
        written[key] = f"{key}.npz"
    return written
