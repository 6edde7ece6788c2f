"""The examples of docs/adapters.md run."""

import re
from pathlib import Path

import numpy as np

from recbench.contracts import FitContext
from recbench.local import from_path
from recbench.specs import build

PAGE = (Path(__file__).parents[2] / "docs" / "adapters.md").read_text(encoding="utf-8")


def test_the_class_and_the_command_of_the_page_are_recommenders(interactions, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)))
    Path("train.sh").write_text('#!/bin/sh\nprintf "user_id,item_id\\n3,7\\n" > "$2"\n')
    Path("train.sh").chmod(0o755)
    for name in ("Plain", "ranker"):
        component, _ = from_path("recommender", f"./mine.py:{name}")
        scores = build(component, {}).fit(interactions["implicit"], FitContext(seed=1)).score(np.arange(50))
        assert np.ptp(scores[3]) > 0
