"""docs/audit.ipynb runs from its first cell to its last."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "docs" / "audit.ipynb"


@pytest.mark.usefixtures("mirror")
def test_the_notebook_runs_and_shows_its_findings(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    text = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")
    assert "With a budget of 9 fake users (0.95% of 943), 'popular'" in text
    pictures = [output for output in outputs if output.output_type == "execute_result" and "image/png" in output.data]
    assert len(pictures) == 3
    assert (tmp_path / "report.html").is_file()


def test_the_notebook_is_committed_without_outputs() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert [cell for cell in cells if cell.cell_type == "code" and (cell.outputs or cell.execution_count)] == []
