"""Results of standard plugins on filmtrust, packed, verified, and tampered with."""

import json
import shutil
import zipfile
from io import BytesIO

import numpy as np
import pytest
from bundles import files_of, first, forged, records_of, set_records, written

from recbench.cli import main
from recbench.errors import DataError
from recbench.matrix.choices import Resolver
from recbench.matrix.evaluate import evaluate
from recbench.matrix.identity import cell_id
from recbench.matrix.suite import load_suite
from recbench.plugins import Plugins
from recbench.store import Store
from recbench.submission.arrays import to_npy
from recbench.submission.bundle import opened
from recbench.submission.installed import installed
from recbench.submission.pack import pack
from recbench.submission.plan import identity, planned
from recbench.submission.recompute import named_metrics, prepared_artifact
from recbench.submission.rerun import picked, rerun
from recbench.submission.verify import verify


@pytest.fixture(autouse=True)
def _on_the_mirror(mirror, monkeypatch, quick_executor):
    monkeypatch.setenv("RECBENCH_MIRROR", str(mirror))


@pytest.fixture
def recomputed(plugins):
    return lambda bundle: verify(bundle, lambda: plugins, "recomputed")


def _array(files, name):
    return np.load(BytesIO(files[name]))


def test_our_own_bundle_is_recomputed_whole(films, recomputed):
    report = recomputed(films)
    assert (report.badge, report.refusals, report.remarks[1:]) == ("recomputed", [], [])
    assert report.recomputed == report.ok == report.cells == 3 * 2 + 1
    assert "no suite films, version 1 is published here" in report.remarks[0]


def test_the_same_run_gives_the_same_bytes_and_no_row_of_the_data_set(films, plugins, tmp_path):
    pack(films.parent / "run", tmp_path / "again.zip", plugins, "Ours", "As it is.")
    assert (tmp_path / "again.zip").read_bytes() == films.read_bytes()
    names = {name.rpartition("/")[2] for name in files_of(films)}
    assert names <= {"manifest.json", "suite.json", "cells.jsonl", "environment.json", "indptr.npy", "items.npy",
                     "templates.npy", "suspicion.npy", "keep.npy", "top.npy", "target_ranks.npy", "target_scores.npy",
                     "candidates.npy"}  # fmt: skip
    manifest = json.loads(files_of(films)["manifest.json"])
    assert manifest["plugins"].keys() == {"recbench"}
    assert len(manifest["data"]) == 1


def test_arrays_travel_narrow_and_come_back_as_they_were(films):
    store = Store(films.parent / "run")
    with opened(films) as bundle:
        for role, key in bundle.artifacts():
            packed, stored = bundle.artifact(role, key).arrays, store.get(key).arrays
            assert packed.keys() == stored.keys()
            for name, array in stored.items():
                assert packed[name].dtype == array.dtype
                assert np.array_equal(packed[name], array)


def _metric(files):
    records = records_of(files)
    first(records, "popular")["metrics"]["rank-gain"] += 1e-6
    set_records(files, records)


def _without_metric(files):
    records = records_of(files)
    del first(records, "popular")["metrics"]["rank-gain"]
    set_records(files, records)


def _file(files, attacker, role, name):
    return f"{role}/{first(records_of(files), attacker)['artifacts'][role]}/{name}.npy"


def _change_top(change):
    def forge(files):
        name = _file(files, "none", "fit", "top")
        top = _array(files, name)
        change(top)
        files[name] = to_npy(top)

    return forge


def _swapped(top):
    top[:, [0, 9]] = top[:, [9, 0]]


def _repeated(top):
    top[5, 1] = top[5, 0]


def _outside(top):
    top[5, 1] = 30_000


def _short(top):
    top[5, 99] = -1


def _other_numbers(name, change):
    def forge(files):
        attacker = "popular" if name in ("templates", "items", "indptr") else "none"
        file = _file(files, attacker, "profiles" if attacker == "popular" else "fit", name)
        files[file] = to_npy(change(_array(files, file)))

    return forge


def _longer(files):
    """One more item in the first profile than its budget allows, and one less in the second."""
    name = _file(files, "popular", "profiles", "indptr")
    indptr = _array(files, name).astype(np.int64)
    indptr[1] = indptr[2] - 1
    files[name] = to_npy(indptr)


def _data(files):
    manifest = json.loads(files["manifest.json"])
    manifest["data"] = dict.fromkeys(manifest["data"], "0" * 64)
    files["manifest.json"] = json.dumps(manifest).encode()


TAMPERED = {
    "its lists say": _metric,
    "rank-gain is missing": _without_metric,
    "ndcg@10 is": _change_top(_swapped),
    "holds an item twice": _change_top(_repeated),
    "item ids reach": _change_top(_outside),
    "shorter than its candidates allow": _change_top(_short),
    "numbers of candidates": _other_numbers("candidates", lambda array: array + 1),
    "among the user's candidates": _other_numbers("target_ranks", lambda array: array - 1),
    "for 1508 users": _other_numbers("top", lambda array: array[:, :50]),
    "templates": _other_numbers("templates", lambda array: array[::-1].copy()),
    "over the budget: item ids": _other_numbers("items", lambda array: array + 20_000),
    "over the budget: profile 0": _longer,
    "prepared to something else": _data,
}


@pytest.mark.parametrize("said", TAMPERED)
def test_what_contradicts_the_data_or_the_lists_is_refused(films, tmp_path, recomputed, said):
    report = recomputed(forged(films, tmp_path / "b.zip", TAMPERED[said]))
    assert report.badge == "refused"
    assert any(said in str(refusal) for refusal in report.refusals), report.refusals


def test_without_the_plugins_cells_are_reported_and_remarked_on(films):
    report = verify(films, lambda: Plugins(()), "recomputed")
    assert (report.badge, report.recomputed) == ("reported", 0)
    assert "7 cells on filmtrust are not recomputed" in report.remarks[-1]


def test_the_same_build_comes_out_bit_for_bit(films, plugins):
    report = verify(films, lambda: plugins, "reproduced", 2, "drawn after the bundle came")
    assert report.badge == "reproduced"
    assert list(report.reproduced.values()) == ["bit-equal"] * 2


def test_another_build_comes_out_within_the_floor(films, tmp_path, plugins):
    def change(files):
        records = records_of(files)
        set_records(files, [record | {"build_id": "f" * 20} for record in records])

    report = verify(forged(films, tmp_path / "b.zip", change), lambda: plugins, "reproduced", 2, "n")
    assert report.badge == "reproduced"
    assert set(report.reproduced.values()) == {"within the A/A floor"}


@pytest.mark.parametrize("build", ["the verifier's", "f" * 20])
def test_invented_lists_pass_recomputation_and_are_caught_when_run_again(films, tmp_path, plugins, monkeypatch, build):
    """The popular attack is made out to do nothing: its cell has the clean lists, and the metrics that follow."""

    def change(files):
        records = records_of(files)
        clean, attacked = first(records), first(records, "popular")
        loose = attacked["artifacts"]["fit"]
        attacked["artifacts"]["fit"] = clean["artifacts"]["fit"]
        attacked["metrics"] = _metrics(films, attacked, plugins)
        if build != "the verifier's":
            attacked["build_id"] = build
        for name in [name for name in files if name.startswith(f"fit/{loose}/")]:
            if not any(loose in record["artifacts"].values() for record in records):
                del files[name]
        set_records(files, records)

    bundle = forged(films, tmp_path / "b.zip", change)
    assert verify(bundle, lambda: plugins, "recomputed").badge == "recomputed"
    with opened(bundle) as opened_bundle:
        fingerprint, records = opened_bundle.fingerprint, opened_bundle.records
    cell = first(records, "popular")["cell_id"]
    nonce = next(text for text in map(str, range(999)) if picked(fingerprint, records, 1, text)[0]["cell_id"] == cell)
    report = verify(bundle, lambda: plugins, "reproduced", 1, nonce)
    assert report.badge == "refused"
    said = "the same build gives other" if build == "the verifier's" else "rank-gain differs by"
    assert [said in str(refusal) for refusal in report.refusals] == [True]


def _metrics(films, record, plugins: Plugins):
    """What the cell's lists say, as anybody can compute it."""
    resolver, keys = Resolver(plugins), record["artifacts"]
    with opened(films) as bundle:
        cell = planned(bundle)[0]
        dataset = installed(resolver, "dataset", identity(record["question"], "dataset"))
        inputs = {name: bundle.artifact("fit", keys[name]) for name in ("fit", "clean")}
        inputs |= {"profiles": bundle.artifact("profiles", keys["profiles"])}
        inputs |= {"prepared": prepared_artifact(cell, dataset)}
        metrics = [metric.spec for metric in named_metrics(bundle, resolver)]
        return evaluate({"metrics": metrics, "group": 0}, inputs).meta["metrics"]


def test_components_that_are_not_installed_are_not_run_and_hold_back_the_badge(films, tmp_path, plugins):
    def change(files):
        records = records_of(files)
        for record in records:
            record["question"]["recommender"]["version"] = "0"
            record["cell_id"] = cell_id(record["question"])
        set_records(files, records)

    with opened(forged(films, tmp_path / "b.zip", change)) as bundle:
        again = rerun(bundle, plugins, 2, "n")
    assert (again.left, again.refusals) == (2, [])
    said = "not re-runnable: recommender 'popularity' version 0 is not installed here; version 1 is"
    assert set(again.outcomes.values()) == {said}


def test_nothing_that_a_bundle_names_is_run(films, tmp_path, plugins, monkeypatch):
    """A checkout of a pull request may hold the file that its bundle names."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.py").write_text("import os\nos.mkdir('sprung')\n")

    def change(files):
        suite = json.loads(files["suite.json"])
        suite["metrics"] = ["*", "./evil.py:Metric", {"name": "./evil.py:Metric"}, "evil.py:Metric"]
        suite["recommenders"] = ["./evil.py:Victim", "popularity"]
        files["suite.json"] = json.dumps(suite).encode()

    report = verify(forged(films, tmp_path / "b.zip", change), lambda: plugins, "reproduced", 1, "n")
    assert report.badge == "reproduced"
    assert not (tmp_path / "sprung").exists()


def test_a_nonce_is_asked_for(films, plugins):
    with pytest.raises(DataError, match="--nonce TEXT"):
        verify(films, lambda: plugins, "reproduced", 3, "")


def test_the_command_line_packs_and_verifies(films, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert (
        main(["submit", str(films.parent / "run"), "--out", "ours.zip", "--name", "Ours", "--notes", "As it is."]) == 0
    )
    assert (tmp_path / "ours.zip").read_bytes() == films.read_bytes()
    assert main(["verify", "ours.zip", "--level", "reported"]) == 0
    out = capsys.readouterr().out
    assert "ours.zip: reported\n  Ours; suite films 1; 7 cells, 7 of them ok\n" in out
    bad = forged(films, tmp_path / "bad.zip", _metric)
    assert main(["verify", str(bad), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["badge"] == "refused"
    assert report["refusals"][0].keys() == {"file", "reason", "remedy"}


def test_a_run_that_is_not_finished_or_has_changed_is_not_packed(shop_run, plugins, tmp_path):
    run = shutil.copytree(shop_run, tmp_path / "run")
    store = Store(run)
    fit = next(record["artifacts"]["fit"] for record in store.records() if record["status"] == "ok")
    path = store.path(fit)
    path.write_bytes(path.read_bytes()[:-4] + b"\x01\x00\x00\x00")
    with pytest.raises(DataError, match="has changed"):
        pack(run, tmp_path / "b.zip", plugins)
    next((run / "cells").glob("*.json")).unlink()
    with pytest.raises(DataError, match=r"1 cells of .* are not computed yet"):
        pack(run, tmp_path / "b.zip", plugins)
    assert not list(tmp_path.glob("*b.zip*"))


def test_the_published_suite_of_the_name_is_held_against_the_bundles(films, tmp_path, plugins):
    def change(**rules):
        def renamed(files):
            suite = json.loads(files["suite.json"]) | {"name": "quick"} | rules
            files["suite.json"] = json.dumps(suite).encode()
            set_records(files, [record | {"suite": "quick"} for record in records_of(files)])

        return renamed

    report = verify(forged(films, tmp_path / "b.zip", change()), lambda: plugins, "reported")
    assert report.badge == "refused"
    assert "controls, mandatory, metrics: not as in the published suite quick, version 1" in str(report.refusals[0])
    quick = load_suite("quick").model_dump(mode="json")
    rules = {name: quick[name] for name in ("mandatory", "controls", "metrics")}
    report = verify(forged(films, tmp_path / "c.zip", change(**rules)), lambda: plugins, "reported")
    assert report.badge == "reported"
    assert "leaves out datasets of the published suite: 'ml-100k'" in report.remarks


def test_a_bundle_is_a_plain_zip_file_of_fixed_times(films):
    with zipfile.ZipFile(films) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert written(files_of(films), films.with_name("other.zip")).read_bytes() != films.read_bytes()


def test_an_attacker_that_claims_to_have_been_shown_less_is_refused(films, tmp_path, recomputed):
    def modest(files):
        records = records_of(files)
        first(records, attacker="random")["knowledge"] = []
        set_records(files, records)

    report = recomputed(forged(films, tmp_path / "b.zip", modest))
    assert report.badge == "refused"
    assert "its attacker knows statistics here, not nothing" in str(report.refusals[0])
