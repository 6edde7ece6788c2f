"""The workflow that checks pull requests runs nothing of theirs."""

import os
import re
import subprocess
import textwrap
from pathlib import Path

import pytest

WORKFLOW = Path(__file__).parents[2] / ".github" / "workflows" / "submission.yml"


@pytest.fixture(scope="module")
def text() -> str:
    return WORKFLOW.read_text()


def test_it_has_the_least_rights_and_the_base_branchs_code(text):
    assert "pull_request_target" not in text
    assert re.findall(r"permissions:\n((?:  .*\n)+)", text) == ["  contents: read\n"]
    assert re.findall(r"ref: (.*)", text) == ["${{ github.event.pull_request.base.sha }}"]
    assert "persist-credentials: false" in text
    assert "secrets." not in text


def test_actions_are_pinned_to_a_whole_version(text):
    used = re.findall(r"uses: (.*)", text)
    assert len(used) == 2
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+\.\d+\.\d+", action) for action in used)


def test_no_text_of_the_pull_request_is_put_into_a_script(text):
    scripts = re.findall(r"run: (?:\|\n((?:          .*\n|\n)+)|(.*))", text)
    assert len(scripts) == 3
    assert all("${{" not in block + line for block, line in scripts)


def test_it_takes_new_bundles_alone_out_of_a_pull_request(text, tmp_path):
    """Run on a repository whose pull request holds scripts, links, folders and names that a shell might run."""
    script = re.search(r"Take the bundles[\s\S]*?run: \|\n((?:          .*\n|\n)+)", text)[1]
    repository = tmp_path / "origin"
    folder = repository / "leaderboards" / "submissions"
    folder.mkdir(parents=True)

    def git(*words: str) -> str:
        name = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        done = subprocess.run(["git", *name, *words], cwd=repository, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q")
    (folder / "there.zip").write_bytes(b"merged before")
    git("add", ".")
    git("commit", "-qm", "base")
    base = git("rev-parse", "HEAD")
    (folder / "new.zip").write_bytes(b"new")
    (folder / "there.zip.sh").write_text("touch sprung")
    (folder / "$(touch sprung).zip").write_bytes(b"x")
    (folder / "a;touch sprung\n.zip").write_bytes(b"x")
    (folder / "deep").mkdir()
    (folder / "deep" / "x.zip").write_bytes(b"x")
    (folder / "link.zip").symlink_to("/etc/passwd")
    (folder / "script.zip").write_bytes(b"x")
    (folder / "script.zip").chmod(0o755)
    git("add", ".")
    git("commit", "-qm", "pull request")
    git("update-ref", "refs/pull/7/head", "HEAD")
    git("reset", "-q", "--hard", base)
    git("clone", "-q", str(repository), str(tmp_path / "clone"))

    (tmp_path / "runner").mkdir()
    environment = os.environ | {"RUNNER_TEMP": str(tmp_path / "runner"), "BASE": base, "PULL": "7"}
    subprocess.run(["bash", "-e", "-c", textwrap.dedent(script)], cwd=tmp_path / "clone", env=environment, check=True)
    taken = {path.name: path.read_bytes() for path in (tmp_path / "runner" / "bundles").iterdir()}
    assert taken == {"new.zip": b"new"}
    assert not list(tmp_path.rglob("sprung"))
