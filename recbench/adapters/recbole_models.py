"""Models of RecBole (Zhao et al., CIKM 2021, https://recbole.io)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.adapters.seeding import library_seed, seeded
from recbench.contracts import FitContext, Recommender
from recbench.data import Interactions
from recbench.errors import PluginError

TRAINING = ("epochs", "train_batch_size", "learner", "learning_rate", "weight_decay", "eval_step", "stopping_step")
"""Settings that RecBole has for every model."""

OTHER_INPUTS = "a victim is given interactions alone"


@dataclass(frozen=True)
class RecBole(Recommender):
    """A class of RecBole's models, made and trained afresh at every fit by RecBole's own trainer.

    All interactions are trained on; none is held out by RecBole. Where recbench can validate, it does so every
    `eval_step` epochs, more than `stopping_step` times without a new best end the training, and the best state is kept;
    else training runs for all `epochs`. Ratings are not read. RecBole's files and boards are not written.

    Args:
        model: the class, such as `BPR`; its objects hold the data that they were made for.
        settings: RecBole's, by name; the others have its defaults.

    Raises:
        PluginError: no class of a model, or one that needs more than interactions or that is trained in several runs.
    """

    model: Any
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from recbole.data import dataset
        from recbole.trainer.trainer import PretrainTrainer
        from recbole.utils import ModelType, get_trainer

        if not isinstance(self.model, type):
            name = type(self.model).__name__
            raise PluginError(f"{name} of RecBole holds the data that it was made for; hand over its class, {name}")
        name = f"{self.model.__name__} of RecBole"
        kind = getattr(self.model, "type", None)
        if kind not in (ModelType.GENERAL, ModelType.TRADITIONAL, ModelType.SEQUENTIAL):
            raise PluginError(f"{name} is no general or sequential recommender; {OTHER_INPUTS}")
        if hasattr(dataset, f"{self.model.__name__}Dataset") or "selected_features" in defaults(self.model):
            raise PluginError(f"{name} reads a data set of its own kind; {OTHER_INPUTS}")
        if issubclass(get_trainer(kind, self.model.__name__), PretrainTrainer):
            raise PluginError(f"{name} is trained in several runs that hand on files; a victim is trained in one")

    def fit(self, train: Interactions, ctx: FitContext) -> RecBoleScorer:
        import torch
        from recbole.utils import get_trainer

        from recbench.adapters.recbole_inputs import Settings, batches, dataset, questions
        from recbench.adapters.recbole_mended import mended

        seed, device = library_seed(ctx), torch.device(ctx.device)
        settings = Settings(self.model, {**self.settings, "seed": seed, "device": device})
        with seeded(seed, ctx.device), mended():
            data = dataset(settings, train)
            loader = batches(settings, data)
            model = self.model(settings, data).to(device)
            trainer = get_trainer(settings["MODEL_TYPE"], settings["model"])(settings, model)
            scorer = RecBoleScorer(model, questions(settings, train), settings["ITEM_ID_FIELD"], train.n_items, seed)
            best: dict[str, Any] = {}

            def keep(*_: object, **__: object) -> None:
                best["parameters"] = {name: value.clone() for name, value in model.state_dict().items()}
                best["others"] = model.other_parameter()

            if validate := ctx.validate:
                trainer._valid_epoch = lambda *_, **__: (validate(scorer), {})
            trainer._save_checkpoint = keep
            trainer.fit(loader, valid_data=validate, verbose=False, saved=validate is not None)
            if best:
                model.load_state_dict(best["parameters"])
                model.load_other_parameter(best["others"])
        return scorer


@dataclass(frozen=True, eq=False)
class RecBoleScorer:
    """A fitted model.

    Args:
        model: of RecBole.
        asked: what it is asked about each user.
        item_field: what RecBole calls an item's id.
        n_items: size of the catalogue.
        seed: of what some models draw while they score.
    """

    model: Any
    asked: Any
    item_field: str
    n_items: int
    seed: int

    def score(self, users: NDArray[np.integer]) -> Any:
        """Scores [b, n_items], without those of RecBole's padding item."""
        import torch

        with torch.no_grad(), seeded(self.seed, str(self.model.device)):
            self.model.eval()
            asked = self.asked[torch.from_numpy(users.astype(np.int64))].to(self.model.device)
            try:
                scores = self.model.full_sort_predict(asked)
            except NotImplementedError:
                scores = torch.stack([self._predicted(asked, row) for row in range(len(users))])
            return scores.view(len(users), self.n_items + 1)[:, 1:]

    def _predicted(self, asked: Any, row: int) -> Any:
        """Scores [1 + n_items] of one user by a model that is asked for pairs."""
        import torch
        from recbole.data.interaction import Interaction

        pairs = asked[row : row + 1].repeat(self.n_items + 1)
        pairs.update(Interaction({self.item_field: torch.arange(self.n_items + 1, device=self.model.device)}))
        return self.model.predict(pairs)


def defaults(model: type) -> dict[str, Any]:
    """The settings of a class of RecBole's models and of its training, with RecBole's defaults."""
    from pathlib import Path

    import recbole

    from recbench.adapters.recbole_inputs import Settings

    settings = Settings(model, {})
    own = Path(recbole.__file__).parent / "properties" / "model" / f"{model.__name__}.yaml"
    names = (settings._update_internal_config_dict(own) if own.is_file() else None) or {}
    histories = ("MAX_ITEM_LIST_LENGTH",) if settings.sequential else ()
    return {name: settings[name] for name in (*names, *histories, *TRAINING)}
