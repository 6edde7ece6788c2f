import os
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pandas as pd
import pytest

from recbench.adapters import Command
from recbench.contracts import FitContext
from recbench.errors import DataError, PluginError
from recbench.specs import build, resolved_params

USERS = np.arange(50)


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Writes an executable and returns the command that runs it."""
    monkeypatch.chdir(tmp_path)

    def script(source, placeholders="{train} {out}"):
        path = tmp_path / "train script"
        path.write_text(dedent(source).lstrip())
        path.chmod(0o755)
        return f"'./train script' {placeholders}"

    return script


@pytest.fixture
def scores(interactions):
    def scores(command, track="implicit", seed=0):
        return Command(command).fit(interactions[track], FitContext(seed=seed)).score(USERS)

    return scores


def writes(rows):
    return f"#!/bin/sh\nprintf '{rows}' > \"$2\"\n"


MOST_POPULAR = """
    #!/bin/sh
    echo user_id,item_id > "$2"
    best=$(tail -n +2 "$1" | cut -d, -f2 | sort | uniq -c | sort -k1,1nr -k2,2n | head -3 | awk '{print $2}')
    for user in $(tail -n +2 "$1" | cut -d, -f1 | sort -u); do
        for item in $best; do echo "$user,$item"; done
    done >> "$2"
    """


def test_a_shell_script_is_a_recommender(script, scores, interactions):
    counts = interactions["implicit"].item_counts
    given = scores(script(MOST_POPULAR))
    best = np.lexsort((np.arange(len(counts)).astype(str), -counts))
    top = given.argsort(axis=1)[:, ::-1][:, :3]
    assert (counts[top] == counts[best[:3]]).all()
    assert (np.sort(given, axis=1)[:, :-3] == 0).all()


@pytest.mark.parametrize("track", ["implicit", "explicit"])
def test_the_training_file_holds_all_that_is_trained_on(script, scores, interactions, track, tmp_path):
    scores(script('#!/bin/sh\ncp "$1" seen.csv; printf "user_id,item_id\\n0,0\\n" > "$2"\n'), track)
    seen = pd.read_csv(tmp_path / "seen.csv")
    train = interactions[track]
    rating = [] if track == "implicit" else ["rating"]
    assert list(seen.columns) == ["user_id", "item_id", *rating, "timestamp"]
    for name, column in {
        "user_id": "users",
        "item_id": "items",
        "rating": "ratings",
        "timestamp": "timestamps",
    }.items():
        if name in seen:
            assert (seen[name] == getattr(train, column)).all()


def test_the_seed_is_that_of_the_fit(script, scores):
    command = script('#!/bin/sh\nprintf "user_id,item_id\\n0,$(($3 % 40))\\n" > "$2"\n', "{train} {out} {seed}")
    items = [scores(command, seed=seed)[0].argmax() for seed in (1, 1, 2, 3, 4)]
    assert items[0] == items[1]
    assert len(set(items)) > 1


def test_the_order_is_that_of_lines_or_of_scores_and_the_rest_ties(script, scores):
    by_line = scores(script(writes("user_id,item_id\\n3,9\\n5,1\\n3,7\\n")))
    by_score = scores(script(writes("user_id,item_id,score\\n3,9,-2\\n3,7,0.5\\n3,8,0.5\\n")))
    assert by_line[3].argsort()[::-1][:2].tolist() == [9, 7]
    assert by_score[3, 7] == by_score[3, 8] > by_score[3, 9] > by_score[3, 0]
    assert np.ptp(by_line[0]) == 0
    assert by_line[5].argmax() == 1


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("", "is no CSV file: No columns"),
        ("user,item_id\\n0,0\\n", "has no column user_id; did you mean 'user'"),
        ("user_id,item_id\\n", "holds no list, only the header"),
        ("user_id,item_id\\n0,12,3\\n1,13,2\\n", "has rows with more fields than its header"),
        ("user_id,item_id\\n0,12\\n1,13,2\\n", "Expected 2 fields in line 3, saw 3"),
        ("user_id,item_id\\n0,12,,\\n1,13,2,1\\n", "has rows with more fields than its header"),
        ("user_id,item_id\\n0,a\\n", "item_id must be integers"),
        ("user_id,item_id\\n0,\\n", "item_id must be integers"),
        ("user_id,item_id\\n0,1\\n0,40\\n", "line 3: item_id 40 is unknown; 0 to 39 are known"),
        ("user_id,item_id\\n-1,1\\n", "line 2: user_id -1 is unknown"),
        ("user_id,item_id\\n0,1\\n2,1\\n0,1\\n", "line 4: item 1 is listed twice for user 0"),
        ("user_id,item_id,score\\n0,1,high\\n", "line 2: score 'high' is no finite number"),
        ("user_id,item_id,score\\n0,1,inf\\n", "line 2: score 'inf' is no finite number"),
        ("user_id,item_id,Score\\n0,1,2\\n", "has a column Score; did you mean 'score'"),
        ("user_id,item_id,rank\\n0,1,2\\n", "has a column rank; known: item_id, score, user_id"),
        ("user_id,item_id,\\n0,1,2\\n", "has a column Unnamed: 2"),
    ],
)
def test_lists_that_cannot_be_read_are_refused(script, scores, rows, reason):
    with pytest.raises(DataError, match=rf"^\{{out\}} of command .*{reason}"):
        scores(script(writes(rows)))


def test_a_comma_at_the_end_of_every_row_shifts_no_column(script, scores):
    given = scores(script(writes("user_id,item_id,\\n3,9,\\n5,1,\\n")))
    assert (given[3].argmax(), given[5].argmax()) == (9, 1)
    given = scores(script(writes("user_id,item_id\\n3,9,\\n5,1,\\n")))
    assert (given[3].argmax(), given[5].argmax()) == (9, 1)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("", "the command is empty"),
        ("./train.sh {out}", r"has no \{train\}; write it as ./train.sh \{train\} \{out\}"),
        ("./train.sh {train}", r"has no \{out\}"),
        ("./train.sh '{train} {out}", "cannot be split into words: no closing quotation"),
    ],
)
def test_a_command_without_its_placeholders_is_refused_unrun(command, reason):
    with pytest.raises(PluginError, match=reason):
        Command(command)


def test_a_command_that_fails_shows_the_end_of_what_it_wrote(script, scores):
    lines = "".join(f"echo line {k} >&2\n" for k in range(9))
    with pytest.raises(PluginError, match=r"ended with status 3: line 4 \| line 5 \| line 6 \| line 7 \| line 8$"):
        scores(script(f"#!/bin/sh\n{lines}exit 3\n"))


def test_a_command_that_is_not_there_or_writes_nothing_is_named(script, scores):
    with pytest.raises(PluginError, match=r"command './nowhere.sh' cannot be run: No such file"):
        scores("./nowhere.sh {train} {out}")
    with pytest.raises(PluginError, match=r"wrote nothing to \{out\}"):
        scores(script("#!/bin/sh\n"))


def test_no_shell_reads_the_command(scores, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PluginError, match="wrote nothing"):
        scores("echo {train} {out} ; touch owned")
    assert not Path("owned").exists()


def test_it_runs_in_the_process_group_of_the_worker(script, scores):
    command = script(f"#!{sys.executable}\nimport os\nopen('group', 'w').write(str(os.getpgid(0)))\n")
    with pytest.raises(PluginError, match="wrote nothing"):
        scores(command)
    assert int(Path("group").read_text()) == os.getpgid(0)


def test_a_script_that_is_edited_is_another_version(script):
    command = script(MOST_POPULAR)
    before, params = Command.component(command)
    assert resolved_params(before, params) == {"command": command}
    assert isinstance(build(before, params), Command)
    assert Command.component(script(MOST_POPULAR + "# edited"))[0].version != before.version
    assert Command.component(script(MOST_POPULAR))[0] == before


def test_a_file_that_an_option_names_is_part_of_the_version(script):
    command = script(MOST_POPULAR, "{train} {out} --config=settings.txt")
    Path("settings.txt").write_text("1")
    before = Command.component(command)[0].version
    Path("settings.txt").write_text("-1")
    assert Command.component(command)[0].version != before
