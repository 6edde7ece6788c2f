import json
import subprocess
import sys

import pytest
import typer
from distributions import write_distribution

import recbench.cli
from recbench.cli import app, main
from recbench.cli.plugins import installed
from recbench.errors import DataError


@pytest.fixture
def broken(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(write_distribution(tmp_path, "broken", "1 / 0")))


def test_the_table_lists_components_with_their_plugin(capsys):
    assert main(["--no-plugins", "plugins", "recommender"]) == 0
    out = capsys.readouterr().out
    (line,) = (line for line in out.splitlines() if " bpr-mf " in line)
    assert line.split()[:4] == ["recommender", "bpr-mf", "factorization", "standard"]
    assert "attacker" not in out


def test_the_plugins_are_shown_when_asked_for_or_when_one_is_not_active(capsys, broken):
    main(["-p", "no:broken", "--no-plugins", "plugins", "-v"])
    assert "recbench 0.1.0" in capsys.readouterr().out
    main(["plugins"])
    assert "ZeroDivisionError: division by zero" in capsys.readouterr().out


def test_json_holds_everything_about_a_component(capsys):
    assert main(["--no-plugins", "plugins", "attacker", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    (copy,) = (component for component in listed["components"] if component["name"] == "copy")
    assert copy["kind"] == "attacker"
    assert copy["factory"] == "recbench_plugins.attackers.heuristic.copy:Copy"
    assert copy["knowledge"] == ["interactions"]
    assert copy["provides"] == ["poisoning"]
    assert copy["goals"] == ["degrade", "nuke:explicit", "push"]
    assert copy["feedback"] == ["explicit", "implicit"]
    assert copy["plugin"] == "standard"


def test_what_attackers_serve_is_shown_when_asked_for_and_of_nothing_else(capsys):
    assert main(["--no-plugins", "plugins", "-v"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["reverse-bandwagon", "statistics", "nuke", "explicit"] in lines
    assert main(["--no-plugins", "plugins", "metric", "--json"]) == 0
    assert not any("goals" in component for component in json.loads(capsys.readouterr().out)["components"])


def test_a_plugin_can_be_left_out(capsys, broken):
    assert main(["-p", "no:broken", "-p", "no:standard", "plugins", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {row["name"]: row["status"] for row in listed["plugins"]} == {"broken": "disabled", "standard": "disabled"}
    assert listed["components"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plugins", "atacker"], "error: unknown kind 'atacker'; did you mean 'attacker'?"),
        (["plugins", "--jsn"], "error: No such option"),
        (["-p", "broken", "plugins"], "error: -p broken: expected no:NAME"),
        (["-p", "no:standrad", "plugins"], "error: cannot disable plugin 'standrad': not installed; did you mean"),
        (["plugin"], "error: No such command 'plugin'"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_2(capsys, arguments, message):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(message)
    assert captured.err.count("\n") == 1


def test_without_a_command_the_help_is_shown(capsys):
    assert main([]) == 2
    assert capsys.readouterr().err.startswith("Usage: recbench")


def test_the_version_is_printed(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"recbench {recbench.__version__}\n"


@pytest.fixture
def command(monkeypatch):
    """Adds a command to the app for one test."""
    monkeypatch.setattr(app, "registered_commands", list(app.registered_commands))
    return app.command()


def raises(error):
    def fails():
        raise error

    return fails


@pytest.mark.parametrize(
    ("error", "code", "stderr"),
    [
        (DataError("ratings.csv has\nno column 'user'"), 2, "error: ratings.csv has no column 'user'\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (typer.Abort(), 130, "interrupted\n"),
        (typer.Exit(3), 3, ""),
    ],
)
def test_how_a_command_ends_is_the_exit_code(capsys, command, error, code, stderr):
    command(raises(error))
    assert main(["fails"]) == code
    assert capsys.readouterr().err == stderr


def test_a_bug_keeps_its_traceback(command):
    command(raises(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        main(["fails"])


def test_commands_that_need_plugins_warn_of_broken_ones(capsys, command, broken):
    def counts(context: typer.Context) -> None:
        typer.echo(len(installed(context).rows))
        installed(context)

    command(counts)
    assert main(["-p", "no:standard", "counts"]) == 0
    out, err = capsys.readouterr()
    assert out == "2\n"
    assert "warning: plugin 'broken' (broken-dist 1.0) is not active (failed): ZeroDivisionError" in err


def test_a_closed_pipe_is_no_traceback():
    command = [sys.executable, "-c", "import sys; from recbench.cli import main; sys.exit(main())", "plugins"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141
    process.stderr.close()
