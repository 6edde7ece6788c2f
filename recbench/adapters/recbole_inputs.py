"""What RecBole reads from files, command line and environment, given to it from memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from recbole.config import Config
from recbole.data.dataset import Dataset, SequentialDataset
from recbole.data.interaction import Interaction
from recbole.data.utils import _create_sampler, get_dataloader
from recbole.utils import FeatureSource, FeatureType, ModelType

from recbench.data import Interactions

ANYWHERE = "."
"""RecBole makes the folders that it is told of, even if it writes nothing there; this one exists."""


class Settings(Config):  # type: ignore[misc]
    """RecBole's own defaults for a model with `values` in place of some; nothing else decides.

    Args:
        model: a class of RecBole's.
        values: settings by name.
    """

    def __init__(self, model: type, values: Mapping[str, Any]) -> None:
        places = {"data_path": ANYWHERE, "checkpoint_dir": ANYWHERE}
        super().__init__(model, "recbench", config_dict={"device": torch.device("cpu")} | dict(values) | places)

    @property
    def sequential(self) -> bool:
        return bool(self["MODEL_TYPE"] == ModelType.SEQUENTIAL)

    def compatibility_settings(self) -> None:
        """Nothing: RecBole writes names into NumPy, for some of which NumPy 2 has no value; a fit here reads none."""

    def _load_cmd_line(self) -> dict[str, Any]:
        """Nothing: it would take recbench's own options for settings."""
        return {}

    def _set_default_parameters(self) -> None:
        """As RecBole asks its users to: who learns from the softmax over all items draws no negatives."""
        if self.final_config_dict.get("loss_type") == "CE":
            self.final_config_dict["train_neg_sample_args"] = None
        super()._set_default_parameters()

    def _init_device(self) -> None:
        """One process on the device of the settings: RecBole would set CUDA_VISIBLE_DEVICES."""
        self.final_config_dict |= {"single_spec": True, "local_rank": 0}


class InMemory(Dataset):  # type: ignore[misc]
    """Interactions without features, each an example. RecBole's id 0 is padding, so its ids are recbench's plus one.

    Args:
        settings: of the model.
        train: all of it is trained on. The time of an interaction is its place in the user's history.
    """

    def __init__(self, settings: Settings, train: Interactions) -> None:
        self.train = train
        super().__init__(settings)

    def _from_scratch(self) -> None:
        """In place of RecBole's reading, filtering and numbering."""
        self._get_preset()
        self._get_field_from_config()
        train, user, item, time = self.train, self.uid_field, self.iid_field, self.time_field
        starts = np.cumsum(train.user_counts) - train.user_counts
        places = np.arange(len(train)) - np.repeat(starts, train.user_counts)
        self.inter_feat = Interaction(
            {
                user: torch.from_numpy(train.users.astype(np.int64) + 1),
                item: torch.from_numpy(train.items.astype(np.int64) + 1),
                time: torch.from_numpy(places.astype(np.float32)),
            }
        )
        self.user_feat = self.item_feat = None
        self.feat_name_list = ["inter_feat"]
        self.set_field_property(user, FeatureType.TOKEN, FeatureSource.USER_ID, 1)
        self.set_field_property(item, FeatureType.TOKEN, FeatureSource.ITEM_ID, 1)
        self.set_field_property(time, FeatureType.FLOAT, FeatureSource.INTERACTION, 1)
        self.field2id_token = {
            user: np.array(["[PAD]", *map(str, range(train.n_users))]),
            item: np.array(["[PAD]", *map(str, range(train.n_items))]),
        }


class Sequences(InMemory, SequentialDataset):  # type: ignore[misc]
    """One example an interaction that others precede."""

    def _from_scratch(self) -> None:
        super()._from_scratch()
        self.data_augmentation()


def dataset(settings: Settings, train: Interactions) -> Any:
    """The data set that the model is made for."""
    return (Sequences if settings.sequential else InMemory)(settings, train)


def batches(settings: Settings, data: Any) -> Any:
    """The loader of its training batches, with the negatives that the model's loss asks for."""
    negatives = settings["train_neg_sample_args"]
    sampler = _create_sampler(data, [data] * 3, negatives["distribution"], settings["repeatable"], negatives["alpha"])
    if sampler is not None:
        sampler = sampler.set_phase("train")
    return get_dataloader(settings, "train")(settings, data, sampler, shuffle=settings["shuffle"])


def questions(settings: Settings, train: Interactions) -> Interaction:
    """What a model is asked about each user, [n_users]: the id, and for a sequential model the latest items."""
    asked = {settings["USER_ID_FIELD"]: torch.arange(1, train.n_users + 1)}
    if settings.sequential:
        longest = settings["MAX_ITEM_LIST_LENGTH"]
        lengths = np.minimum(train.user_counts, longest)
        latest = np.zeros((train.n_users, longest), dtype=np.int64)
        places = np.arange(longest)
        held = places < lengths[:, None]
        latest[held] = train.items[((train.indptr[1:] - lengths)[:, None] + places)[held]] + 1
        asked[settings["ITEM_ID_FIELD"] + settings["LIST_SUFFIX"]] = torch.from_numpy(latest)
        # Of a user without a history it is one padding item: RecBole's models look up the last one.
        asked[settings["ITEM_LIST_LENGTH_FIELD"]] = torch.from_numpy(np.maximum(lengths, 1).astype(np.int64))
    return Interaction(asked)
