"""`recbench run --profile`: where the time of a real run went."""

from __future__ import annotations

import json

import pytest
from planted_suite import suite

from recbench.cli import main


@pytest.mark.usefixtures("quick_executor")
def test_a_profile_names_stages_and_plugins_and_what_sharing_spared(shop, capfd):
    arguments = ["run", suite(["Popular", "RatesByCount"], ["Fills"], ["KeepsAll"]), "--profile"]
    assert main(arguments) == 0
    lines = [line.split() for line in capfd.readouterr().out.splitlines()]
    table = lines[next(number for number, line in enumerate(lines) if line[:3] == ["stage", "plugins", "stages"]) :]
    rows = {tuple(row[:2]): row for row in table if len(row) > 2}
    # Two victims, each under no attack and under one, each with and without the detector.
    assert rows["craft", "fills"][2:4] == ["1", "4"]
    assert rows["sanitize", "keeps-all"][2:4] == ["2", "4"]
    # Two fits a victim and the twin's; the detector removes nobody, so what it leaves is fitted already.
    assert rows["fit", "popular"][2:4] == ["3", "8"]
    assert rows["all", "19"][-1].endswith("%")


@pytest.mark.usefixtures("quick_executor")
def test_machines_read_the_profile_as_an_event_and_from_a_finished_run_too(shop, capfd):
    arguments = ["run", suite(["Popular"], ["Fills"], []), "--profile", "--json"]
    assert main(arguments) == 0
    capfd.readouterr()
    assert main(arguments) == 0
    events = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["plan", "profile", "summary"]
    (craft,) = [line for line in events[1]["lines"] if line["stage"] == "craft"]
    assert (craft["plugins"], craft["stages"], craft["uses"]) == ("fills", 1, 1)
    assert craft["cpu_seconds"] == craft["alone_cpu_seconds"] > 0
