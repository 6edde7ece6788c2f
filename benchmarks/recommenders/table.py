"""Every standard recommender beside the same model of other libraries, on the same splits: NDCG@10 and CPU seconds.

    python benchmarks/recommenders/table.py [--dataset ml-100k] [--models ease 'cornac:ease[lamb=500]']

Protocol: every rating is a positive; of each user's interactions a random fifth is the test part, drawn anew for each
split seed; all items outside the other four fifths are ranked. Everybody trains on all four fifths, with default
settings but for those that a name shows, for all epochs, and is ranked by the same code. Models of ratings read the
ratings. Times are CPU seconds of the fit on one thread; a small first fit is not counted.

Other libraries run through recbench's adapters. One that is not installed is left out, so that the command can be given
in an environment of each. Every fit is kept in docs/validation/recommenders.csv as soon as it is found and not
repeated: remove the rows of what has changed. The tables of docs/validation/recommenders.md are made from all that is
kept.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Before torch and NumPy read them.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numpy as np
from tabulate import tabulate

from recbench.component import Component
from recbench.contracts import FitContext, Scorer
from recbench.data.feedback import binarize
from recbench.data.splits import Split, ratio_split
from recbench.errors import PluginError
from recbench.evaluation.audience import Audience
from recbench.evaluation.ranking import validation_quality
from recbench.evaluation.ratings import rmse
from recbench.plugins import Plugins, load_plugins
from recbench.specs import build, expand
from recbench.store.files import write_file

FOLDER = Path(__file__).parents[2] / "docs" / "validation"
KEPT, PAGE = FOLDER / "recommenders.csv", FOLDER / "recommenders.md"
BEGIN, END = "<!-- tables of table.py -->\n", "<!-- end of tables -->\n"
PEERS: dict[str, tuple[str, ...]] = {
    "popularity": ("cornac:most-pop", "lenskit:pop"),
    "item-knn": ("implicit:cosine", "lenskit:item-knn[max_nbrs=100,feedback=implicit]", "recbole:itemknn"),
    "ease": ("cornac:ease[lamb=500]", "lenskit:ease[regularization=500]", "recbole:ease[reg_weight=500]"),
    # The best of 18 settings on the validation part of ml-100k.
    "ials": ("implicit:als[factors=64,alpha=5.0,regularization=40.0,iterations=8]", "lenskit:implicit-mf"),
    "wmf-sgd": (),
    "bpr-mf": (
        "cornac:bpr[k=64,max_iter=150,learning_rate=0.01,lambda_reg=0.01]",
        "implicit:bpr[factors=64]",
        "recbole:bpr[epochs=60]",
    ),
    "item-autoencoder": (),
    # RecBole's models have no early stopping here, where nothing validates: their epochs are named.
    "multivae": ("cornac:vaecf[k=200,autoencoder_structure=[600]]", "recbole:multivae[epochs=100]"),
    "lightgcn": ("recbole:lightgcn[epochs=30]",),
    "simgcl": ("recbole:sgl[epochs=30]",),
    "neumf": ("cornac:neu-mf[backend=pytorch]", "recbole:neumf[epochs=50]"),
    "sasrec": (),
    "biased-mf": ("lenskit:biased-mf",),
    "autorec": (),
}
"""The standard recommenders, each with the same model of others."""
OF_RATINGS = frozenset({"biased-mf", "autorec"})
"""Those that read ratings, as their peers do."""

Row = dict[str, str]


def own(model: str) -> str:
    """The standard recommender that a model is or is a peer of."""
    return next(name for name, peers in PEERS.items() if model == name or model in peers)


def data_of(dataset: str, plugins: Plugins) -> Any:
    ((component, _),) = expand(plugins, "dataset", dataset)
    return build(component, {}).load().interactions


def installed(model: str, plugins: Plugins) -> tuple[Component, dict[str, Any]] | None:
    """The model and its parameters; None where its library is not there."""
    try:
        ((component, params),) = expand(plugins, "recommender", model)
    except PluginError as error:
        if "is not installed" in str(error):
            return None
        raise
    return component, params


def measured(recommender: Any, parts: Split, seed: int, rated: bool) -> Row:
    """One fit: its quality, the error of its ratings where it predicts some, and what it took."""
    train = parts.train if rated else binarize(parts.train)
    recommender.fit(train.select(train.users < 50), FitContext(seed))  # imports and compilation
    start = time.process_time()
    scorer = recommender.fit(train, FitContext(seed))
    seconds = time.process_time() - start
    predicts = rated and hasattr(scorer, "predict")
    return {
        "ndcg@10": f"{quality(scorer, parts, seed):.4f}",
        "rmse": f"{error(scorer, parts):.4f}" if predicts else "",
        "fit_s": f"{seconds:.2f}",
    }


def quality(scorer: Scorer, parts: Split, seed: int) -> float:
    known = parts.train
    audience = Audience.shuffled(np.arange(known.n_users), known.n_users, seed)
    return validation_quality(scorer, audience, known.histories, known.n_items, parts.test.histories, seed)


def error(scorer: Any, parts: Split) -> float:
    """The root mean squared error of the predicted test ratings."""
    return rmse(np.asarray(scorer.predict(parts.test.users, parts.test.items)), parts.test.ratings)


def kept() -> list[Row]:
    if not KEPT.exists():
        return []
    with KEPT.open(newline="") as file:
        return list(csv.DictReader(file))


def keep(row: Row) -> None:
    """Beside what is there, read again: another process may have kept something meanwhile."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=row, lineterminator="\n")
    writer.writeheader()
    writer.writerows([*kept(), row])
    write_file(KEPT, text.getvalue().encode())


def tables(rows: list[Row]) -> Iterator[str]:
    """A table a data set, each standard recommender with its peers under it; models of ratings are not to rank well."""
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        lines = []
        for name, peers in PEERS.items():
            found = {model: of(rows, dataset, model) for model in (name, *peers)}
            best = max((mean(found[peer]) for peer in peers if found[peer] and name not in OF_RATINGS), default=None)
            for model, own_rows in found.items():
                if own_rows:
                    lines.append(line(model, own_rows, best if model == name else None))
        headings = (dataset, "NDCG@10", "each split", "beside the best peer", "RMSE", "fit, CPU s", "version")
        yield tabulate(lines, headings, "github", disable_numparse=True)


def of(rows: list[Row], dataset: str, model: str) -> list[Row]:
    chosen = [row for row in rows if (row["dataset"], row["model"]) == (dataset, model)]
    return sorted(chosen, key=lambda row: int(row["seed"]))


def mean(rows: list[Row], column: str = "ndcg@10") -> float:
    return float(np.mean([float(row[column]) for row in rows]))


def line(model: str, rows: list[Row], best: float | None) -> list[str]:
    return [
        f"**{model}**" if model in PEERS else f"`{model}`",
        f"{mean(rows):.4f}",
        " ".join(row["ndcg@10"] for row in rows),
        "" if best is None else f"{mean(rows) / best - 1:+.1%}",
        f"{mean(rows, 'rmse'):.4f}" if all(row["rmse"] for row in rows) else "",
        f"{np.median([float(row['fit_s']) for row in rows]):.2f}",
        rows[0]["version"],
    ]


def write_page() -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    found = "\n\n".join(tables(kept()))
    PAGE.write_text(f"{before}{BEGIN}\n{found}\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    models = [model for name, peers in PEERS.items() for model in (name, *peers)]
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--models", nargs="+", default=models, choices=models, metavar="MODEL")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="split seeds")
    args = parser.parse_args()
    plugins = load_plugins()
    data = data_of(args.dataset, plugins)
    for model in args.models:
        there = installed(model, plugins)
        if there is None:
            print(f"{model}: not installed here")
            continue
        component, params = there
        for seed in args.seeds:
            question = {"dataset": args.dataset, "model": model, "seed": str(seed)}
            if any(question.items() <= row.items() for row in kept()):
                continue
            parts = ratio_split(data, seed, validation=0.0, test=0.2)
            found = measured(build(component, params), parts, seed, own(model) in OF_RATINGS)
            row = question | found | {"version": component.version}
            keep(row)
            print(*row.values(), flush=True)
    write_page()


if __name__ == "__main__":
    main()
