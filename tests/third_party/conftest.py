"""An environment with third-party distributions installed by pip, one that works and one that is broken."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

import recbench

HERE = Path(__file__).parent
ROOT = Path(recbench.__file__).parents[1]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def third_party_environment(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs `recbench ARGUMENTS` in a virtual environment that sees this one's packages and the two distributions.

    `third_party_environment("plugins", "--json", cwd=…, RECBENCH_CACHE=…)` returns the completed process;
    keywords besides `cwd` are environment variables.
    """
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / Path(sys.executable).name
    paths = {"base": str(folder), "platbase": str(folder)}
    site = Path(sysconfig.get_path("purelib", scheme="venv", vars=paths))
    # addsitedir, unlike a plain path, also follows an editable installation of recbench.
    (site / "outer.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*install, *offline, *sorted(HERE.glob("recbench-*"))], check=True)

    def run(*arguments: str, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [python, "-c", "import sys; from recbench.cli import main; sys.exit(main())", *arguments]
        environment = os.environ | variables
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)

    return run
