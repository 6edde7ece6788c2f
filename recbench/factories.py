"""From a component to its class: by import, or from a file that belongs to no package."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import os
import re
import sys
import traceback
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from recbench.component import Component
from recbench.errors import PluginError
from recbench.hookspecs import GROUP
from recbench.sources import own_modules

_FILE_MODULE = "recbench_file_"
# Compiled here, once for all workers, since they start with this module.
_UNSPELLABLE = re.compile(rb"[^A-Za-z0-9]")
_SPELLED = re.compile(rb"_([0-9a-f]{2})")


def explain(error: BaseException) -> str:
    """One line: the error's type, its message and where in the plugin's code it was raised."""
    message = " ".join(str(error).split())
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    ours = f"{Path(__file__).parent}{os.sep}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(("<", ours)) and "importlib" not in frame.filename
    ]
    return f"{text} ({frames[-1].filename}, line {frames[-1].lineno})" if frames else text


def digest(*contents: bytes) -> str:
    """The version of a component that is a file, or several: twelve hexadecimal digits of its sha256."""
    one, *more = (hashlib.sha256(content) for content in contents)
    return (hashlib.sha256(b"".join(part.digest() for part in (one, *more))) if more else one).hexdigest()[:12]


def module_name(path: Path) -> str:
    """A module name that spells `path`, so that a factory string alone finds the file in any process."""
    spelled = _UNSPELLABLE.sub(lambda byte: b"_%02x" % byte[0][0], str(path.resolve()).encode())
    return _FILE_MODULE + spelled.decode()


def file_of(module: str) -> Path | None:
    """The inverse of `module_name`; None for an ordinary module."""
    if not module.startswith(_FILE_MODULE):
        return None
    spelled = module.removeprefix(_FILE_MODULE).encode()
    return Path(_SPELLED.sub(lambda code: bytes([int(code[1], 16)]), spelled).decode())


def load_file(path: Path) -> ModuleType:
    """Run a Python file as a module of its own, afresh at every call.

    Its `__digest__` is that of its content and of the user's own modules that it imports.
    """
    content = path.read_bytes()
    module = ModuleType(module_name(path))
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look their module up while it runs
    try:
        # Not the import system: it trusts a cached bytecode of the same second and size.
        exec(compile(content, path, "exec"), vars(module))
    except BaseException:
        del sys.modules[module.__name__]
        raise
    vars(module)["__digest__"] = digest(content, *own_modules(content).values())
    return module


def _load(component: Component, module: str) -> ModuleType:
    path = file_of(module)
    if path is None:
        return importlib.import_module(module)
    loaded = sys.modules.get(module)
    if loaded is None or vars(loaded)["__digest__"] != component.version:
        loaded = load_file(path)
    if vars(loaded)["__digest__"] != component.version:
        raise PluginError(f"{path}, or what it imports, has changed since it was planned; plan again")
    return loaded


def resolve(component: Component) -> type:
    """Import the class of a component: a dataclass, or for a recommender what `recommender_class` makes of it.

    Raises:
        PluginError: the module cannot be imported, has no such class, or the class is not a dataclass;
            the message names the plugin, the factory and the reason.
    """
    module, _, name = component.factory.partition(":")
    try:
        factory = getattr(_load(component, module), name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may also leave by SystemExit
        raise PluginError(f"{_label(component)} cannot be imported: {explain(error)}") from error
    if component.kind == "recommender":
        # Here, because the contracts that it imports are too heavy for a list of plugins.
        from recbench.adapters.factories import recommender_class

        try:
            return recommender_class(factory, name)
        except PluginError as error:
            raise PluginError(f"{_label(component)}: {error}") from None
    if not isinstance(factory, type) or not dataclasses.is_dataclass(factory):
        raise PluginError(f"{_label(component)} is not a dataclass; its fields are the component's parameters")
    return factory


def _label(component: Component) -> str:
    """The component in an error. Not to be had for nothing: it reads what every installed package offers."""
    provider = _provider(component.factory.partition(":")[0])
    return f"{component.kind} '{component.name}' of {provider}: {component.factory}"


def _provider(module: str) -> str:
    """Who offers what is in `module`, in words."""
    if path := file_of(module):
        return f"file {path}"
    package = module.partition(".")[0]
    names = sorted(entry.name for entry in entry_points(group=GROUP) if entry.module.partition(".")[0] == package)
    return f"plugin '{names[0]}'" if names else f"package '{package}'"
