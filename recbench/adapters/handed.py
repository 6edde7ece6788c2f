"""An object that was handed over in Python, on its way to a worker."""

from __future__ import annotations

import hashlib
import pickle
import pickletools
import re
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle

from recbench.adapters.adapt import adapt
from recbench.component import Component, component_name
from recbench.contracts import FitContext, Recommender, Scorer
from recbench.data import Interactions
from recbench.errors import PluginError

MARK = re.compile("[0-9a-f]{32}")
"""What cloudpickle marks a class with: a random number that says nothing of its content."""
AFTER_MARK = ["NONE", "TUPLE", "REDUCE"]
"""A mark is the last but one argument of the call that makes the class, and None the last."""


@dataclass(frozen=True)
class Handed(Recommender):
    """A pickled object, adapted when it is trained.

    The pickle is the user's own object, written by `hand_over` on the user's own machine; a file that is
    not what was written then is never loaded.

    Args:
        path: of the pickle.
        digest: sha256 of its content, hexadecimal.
    """

    path: str
    digest: str

    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        """Load, adapt and train.

        Raises:
            PluginError: the file is missing, is another one, or needs what cannot be imported here.
        """
        return adapt(self._load()).fit(train, ctx)

    def _load(self) -> object:
        try:
            content = Path(self.path).read_bytes()
        except OSError as error:
            raise PluginError(f"{self.path} cannot be read: {error.strerror}; hand the object over again") from None
        if hashlib.sha256(content).hexdigest() != self.digest:
            raise PluginError(f"{self.path} is not the object that was handed over; hand it over again")
        try:
            model: object = pickle.loads(content)
        except Exception as error:
            raise PluginError(f"{self.path} cannot be loaded: {type(error).__name__}: {error}") from error
        return model


def hand_over(model: object, folder: Path) -> tuple[Component, dict[str, Any]]:
    """Pickle `model` to `folder/model-DIGEST.pkl`: the component that stands for it, and its parameters.

    Code that belongs to no installed package, a notebook's included, goes into the pickle by value. So the
    worker needs not find it, and the component's version, a hash of the pickle, is another one after an edit.

    Raises:
        PluginError: the object is no recommender (see `adapt`), or cannot be pickled.
    """
    adapt(model)
    name = type(model).__name__
    try:
        with _by_value(_own_modules()):
            content = cloudpickle.dumps(model)
    except Exception as error:
        raise PluginError(
            f"{name} cannot be handed to a worker ({type(error).__name__}: {error}); put what makes it into a "
            "function of a file and name that, as ./mine.py:FUNCTION"
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder.resolve() / f"model-{digest}.pkl"
    path.write_bytes(content)
    return _component(component_name(name), content), {"path": str(path), "digest": digest}


def handed_over(name: str, path: Path) -> Component:
    """The component that `hand_over` made, under the name that it has in a plan.

    Raises:
        PluginError: the pickle is gone.
    """
    try:
        return _component(name, path.read_bytes())
    except OSError as error:
        raise PluginError(f"{path} cannot be read: {error.strerror}; hand the object over again") from None


def _component(name: str, content: bytes) -> Component:
    return Component(
        "recommender",
        name,
        f"{Handed.__module__}:{Handed.__qualname__}",
        version=hashlib.sha256(_unmarked(content)).hexdigest()[:12],
        family="own",
        summary="an object that was handed over",
    )


def _unmarked(content: bytes) -> bytes:
    """The pickle without the marks of its classes. Other strings of that form are content: a digest, an id."""
    steps = [
        (opcode.name, argument, place or 0)
        for opcode, argument, place in pickletools.genops(content)
        if opcode.name != "MEMOIZE"
    ]
    names = [name for name, *_ in steps]
    kept, start = b"", 0
    for index, (_, argument, place) in enumerate(steps):
        if isinstance(argument, str) and MARK.fullmatch(argument) and names[index + 1 : index + 4] == AFTER_MARK:
            kept += content[start:place]
            start = steps[index + 1][2]
    return kept + content[start:]


def _own_modules() -> list[ModuleType]:
    """Imported modules of files that belong neither to Python nor to an installed package nor to recbench."""
    installed = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
    return [
        module
        for name, module in list(sys.modules.items())
        if isinstance(module, ModuleType)
        and module.__name__ == name
        and name.partition(".")[0] not in ("recbench", "recbench_plugins", "__main__")
        and (file := getattr(module, "__file__", None)) is not None
        and "site-packages" not in file
        and not file.startswith(installed)
    ]


@contextmanager
def _by_value(modules: list[ModuleType]) -> Iterator[None]:
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)
