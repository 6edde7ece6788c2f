"""RecAD's part: one cell of its own workflow. Runs in the peer's environment, started by one_cell.py.

Reads `train.csv`, `valid.csv` and `test.csv` of a folder, trains, attacks, trains again and evaluates as
`recad_runner --victim mf --attack random` does, then saves the clean model's scores, outside of what is timed.
Prints one JSON object: the CPU and wall seconds from the files to RecAD's own table.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from recad import dataset, model, utils, workflow

CARRIER = "ml1m"
"""A data set whose settings RecAD knows; the files are ours."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--fakes", type=int, required=True)
    parser.add_argument("--fillers", type=int, required=True, help="a profile, without its target")
    parser.add_argument("--target", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    np.random.seed(args.seed)  # noqa: NPY002 - what RecAD draws from
    torch.manual_seed(args.seed)
    utils.TQDM = False

    cpu, wall = time.process_time(), time.perf_counter()
    files = {f"path_{part}": str(args.folder / f"{part}.csv") for part in ("train", "valid", "test")}
    common = {**files, "cache_dir": str(args.folder), "logging_level": 30}
    cell = workflow.from_config(
        "no defense",
        victim_data=dataset.from_config("implicit", CARRIER, need_graph=False, sample="pointwise", **common),
        attack_data=dataset.from_config("explicit", CARRIER, **common),
        victim=model.from_config("victim", "mf"),
        attacker=model.from_config("attacker", "random", attack_num=args.fakes, filler_num=args.fillers),
        rec_epoch=args.epochs,
        target_id_list=[args.target],
        cache_dir=str(args.folder),
        logging_level=30,
    )
    with contextlib.redirect_stdout(sys.stderr):  # its table
        cell.execute()
    seconds = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}

    data = cell.victim_data.info_describe()
    items = torch.arange(data["n_items"])
    with torch.no_grad():
        rows = [cell.victim(torch.full_like(items, user), items).numpy() for user in range(data["n_users"])]
    np.save(args.folder / "scores.npy", np.stack(rows))
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
