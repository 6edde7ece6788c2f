"""What a watched run is said to have done."""

import contextlib
from pathlib import Path

from recbench.conformance.watch import watching


def test_a_folder_that_is_made_is_seen_and_one_that_was_there_is_not(tmp_path: Path) -> None:
    with watching() as seen:
        tmp_path.mkdir(exist_ok=True)
        with contextlib.suppress(FileExistsError):
            tmp_path.mkdir()
        (tmp_path / "new").mkdir()
    assert seen.written == [str(tmp_path / "new")]
