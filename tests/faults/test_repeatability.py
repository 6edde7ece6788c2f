"""The same build computes the same bits, however many stages run at once."""

from __future__ import annotations

from harness import contents, differences, finish, good, start, write_suite

from recbench.store import Store


def test_two_runs_agree_bit_for_bit_with_one_job_and_with_two(tmp_path):
    suite = write_suite(tmp_path, "both", ["bpr-mf[dim=4,epochs=2]"], ["random"], good("SuspectsLong"))
    for jobs in ("1", "2"):
        finish(start(tmp_path, "run", suite, "--out", jobs, "--jobs", jobs), 0)
    one, two = (Store(tmp_path / jobs) for jobs in ("1", "2"))
    found = contents(one)
    assert {record["status"] for record in found["records"].values()} == {"ok"}
    assert differences(contents(two), found) == []
