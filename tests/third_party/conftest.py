"""Environments with third-party distributions installed by pip."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

import recbench
from recbench.component import KINDS
from recbench.scaffold import write_package

HERE = Path(__file__).parent
ROOT = Path(recbench.__file__).parents[1]

Run = Callable[..., subprocess.CompletedProcess[str]]


def environment(folder: Path, packages: list[Path]) -> Run:
    """Runs `recbench ARGUMENTS` in a virtual environment that sees this one's packages and those installed here.

    `run("plugins", "--json", cwd=…, RECBENCH_CACHE=…)` returns the completed process; keywords besides
    `cwd` are environment variables.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / Path(sys.executable).name
    paths = {"base": str(folder), "platbase": str(folder)}
    site = Path(sysconfig.get_path("purelib", scheme="venv", vars=paths))
    # addsitedir, unlike a plain path, also follows an editable installation of recbench.
    (site / "outer.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*install, *offline, *packages], check=True)

    def run(*arguments: str, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [python, "-c", "import sys; from recbench.cli import main; sys.exit(main())", *arguments]
        return subprocess.run(command, cwd=cwd, env=os.environ | variables, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="module")
def third_party_environment(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The two distributions beside this file: one that works and one that is broken."""
    return environment(tmp_path_factory.mktemp("environment"), sorted(HERE.glob("recbench-*")))


@pytest.fixture(scope="module")
def generated_environment(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A package of every kind, as `recbench new` writes it."""
    packages = tmp_path_factory.mktemp("packages")
    for kind in KINDS:
        write_package(kind, f"my-{kind}", packages)
    return environment(tmp_path_factory.mktemp("generated"), sorted(packages.iterdir()))
