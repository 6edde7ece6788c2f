"""A real Ray cluster of several nodes on this machine: what is lost with a node, and what is not."""

from __future__ import annotations

import os

import numpy as np
import pytest
from planted_suite import open_shop, suite

from recbench.cli import main
from recbench.data.fetch import CACHE_VARIABLE
from recbench.errors import RecbenchError
from recbench.execution import Limits, LocalExecutor, Task
from recbench.execution.process import LINUX
from recbench.store import Artifact, Store

pytest.importorskip("ray", reason="Ray is not installed: pip install 'recbench[ray]'")
pytestmark = [
    pytest.mark.skipif(not LINUX, reason="workers are bounded by prctl and /proc"),
    pytest.mark.xdist_group("ray"),  # one cluster, not one for every worker of xdist
]

from recbench.execution.cluster import LOSSES, RayExecutor  # noqa: E402  (needs Ray)

PRELOAD = ("numpy",)
PATIENCE = 120.0


@pytest.fixture(scope="module")
def caches(tmp_path_factory):
    """What the machines of the cluster keep to themselves."""
    return tmp_path_factory.mktemp("caches")


@pytest.fixture(scope="module")
def cluster(caches):
    """A head without a processor, to which nodes are added."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0", CACHE_VARIABLE: str(caches)}
    from ray.cluster_utils import Cluster

    cluster = started(Cluster, initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield cluster
    cluster.shutdown()
    del os.environ[CACHE_VARIABLE]


def started(start, **arguments):
    """What `start` starts; skips where Ray twice gives up on a node of its own, which it does after 30 seconds."""
    for attempt in range(2):
        try:
            return start(**arguments)
        except Exception as error:
            if "timed out during startup" not in str(error):
                raise
            if attempt:
                pytest.skip(f"this machine is too busy for Ray: {error}")
    return None


@pytest.fixture
def nodes(cluster):
    """Two nodes with one processor each; those of the last test, as far as it has left them."""
    while len(cluster.worker_nodes) < 2:
        started(cluster.add_node, num_cpus=1)
    return list(cluster.worker_nodes)


def work(executor, tasks):
    """Submit the tasks; their results as they come."""
    for task in tasks:
        executor.submit(task)
    for _ in tasks:
        result = executor.next(PATIENCE)
        assert result is not None
        yield result


def chain(count):
    """Tasks of a second each."""
    return [Task(f"task-{i}", "planted_tasks:sleep", {"seconds": 1.0}) for i in range(count)]


def content(store):
    """Keys and what the arrays of the artifacts are."""
    return {
        key: {name: array.tolist() for name, array in store.get(key).arrays.items()} for key in store.artifact_keys()
    }


def test_a_node_that_is_killed_in_the_middle_loses_nothing(cluster, nodes, tmp_path):
    store = Store(tmp_path / "ray")
    with RayExecutor(store, 2, PRELOAD, address=cluster.address) as executor:
        results = []
        for result in work(executor, chain(6)):
            if not results:
                cluster.remove_node(nodes[0], allow_graceful=False)
            results.append(result)
    assert [result.status for result in results] == ["ok"] * 6
    local = Store(tmp_path / "local")
    with LocalExecutor(local, 2, PRELOAD) as executor:
        assert {result.status for result in work(executor, chain(6))} == {"ok"}
    assert content(store) == content(local)
    assert not list(store.root.glob("logs/ray-*"))


def test_what_fails_is_not_tried_again_and_limits_are_kept(cluster, nodes, tmp_path):
    calls = tmp_path / "calls"
    tasks = [
        Task("fails", "planted_tasks:count_and_fail", {"file": str(calls)}),
        Task("slow", "planted_tasks:sleep", {"seconds": 60}, limits=Limits(seconds=0.5)),
        Task("large", "planted_tasks:allocate", {"bytes": 1 << 30}, limits=Limits(memory_bytes=1 << 28)),
        Task("dies", "planted_tasks:segfault"),
    ]
    with RayExecutor(Store(tmp_path / "run"), 2, PRELOAD, address=cluster.address) as executor:
        results = {result.task.key: result for result in work(executor, tasks)}
    assert {key: result.status for key, result in results.items()} == {
        "fails": "error",
        "slow": "timeout",
        "large": "out-of-memory",
        "dies": "crashed",
    }
    assert results["fails"].reason == "ValueError: as planted"
    assert calls.read_text() == "called\n"


@pytest.mark.parametrize("villain", ["kill_the_slot", "kill_the_zygote"])
def test_what_brings_its_machine_down_every_time_is_a_crash_in_the_end(cluster, nodes, tmp_path, villain):
    calls = tmp_path / "calls"
    with RayExecutor(Store(tmp_path / "run"), 1, PRELOAD, address=cluster.address) as executor:
        tasks = [Task("villain", f"planted_tasks:{villain}", {"file": str(calls)}), *chain(1)]
        results = {result.task.key: result for result in work(executor, tasks)}
    assert results["villain"].status == "crashed"
    assert f"lost with {LOSSES} machines" in results["villain"].reason
    assert calls.read_text() == "called\n" * LOSSES
    assert results["task-0"].status == "ok"


def test_a_run_whose_node_is_killed_in_the_middle_leaves_the_records_of_a_local_run(
    cluster, nodes, tmp_path, monkeypatch, capfd
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECBENCH_CACHE", str(tmp_path / "cache"))
    open_shop(tmp_path)
    name = suite(["Dawdles", "Breaks"], ["Fills"], ["KeepsAll"])
    assert main(["run", name, "--out", "here", "--jobs", "2"]) == 1
    lost = kill_while("dawdles", cluster, nodes[0], monkeypatch)
    arguments = ["--jobs", "2", "--executor", "ray", "--address", cluster.address]
    assert main(["run", name, "--out", "there", *arguments]) == 1
    assert lost
    here, there = (Store(tmp_path / name) for name in ("here", "there"))
    assert [answer(record) for record in there.records()] == [answer(record) for record in here.records()]
    assert content(there) == content(here)
    assert here.check() == there.check() == []


def kill_while(name, cluster, node, monkeypatch):
    """Kills the node when two tasks of that name are under way, one a node; returns the tasks that are lost by it."""
    lost, killed = [], []
    take, lose = RayExecutor.next, RayExecutor._lose

    def killing(self, timeout=None):
        under_way = [task for _, task in self._under_way.values() if task is not None]
        if not killed and [name in task.label for task in under_way] == [True, True]:
            cluster.remove_node(node, allow_graceful=False)
            killed.append(node)
        return take(self, timeout)

    def losing(self, task, reason):
        lost.extend([task] if task else [])
        lose(self, task, reason)

    monkeypatch.setattr(RayExecutor, "next", killing)
    monkeypatch.setattr(RayExecutor, "_lose", losing)
    return lost


def answer(record):
    return {key: value for key, value in record.items() if key != "cost"}


def test_tasks_share_a_gpu_by_fractions_and_never_get_more_than_there_is(cluster, tmp_path):
    """Ray takes a node's word for its GPU: four slots of half a GPU are asked for, and two of them find a place."""
    node = started(cluster.add_node, num_cpus=4, num_gpus=1)
    (tmp_path / "meeting").mkdir()
    tasks = [
        Task(name, "planted_tasks:meet", {"folder": str(tmp_path / "meeting"), "name": name, "count": 2})
        for name in ("task-a", "task-b", "task-c", "task-d")
    ]
    store = Store(tmp_path / "run")
    try:
        with RayExecutor(store, 4, PRELOAD, address=cluster.address, cpus=1, gpus=0.5) as executor:
            assert [result.status for result in work(executor, tasks)] == ["ok"] * 4
            without_a_place = [task for _, task in executor._under_way.values()]
    finally:
        cluster.remove_node(node)
    found = [store.meta(task.key) for task in tasks]
    assert max(each["here"] for each in found) == 2
    assert {each["gpus"] for each in found} == {"0"}
    assert without_a_place == [None, None]


def test_machines_without_a_path_in_common_compute_through_a_share(cluster, nodes, caches, tmp_path):
    url = f"file://{tmp_path / 'share'}"
    store = Store(tmp_path / "run")
    store.put("given", Artifact({"x": np.arange(5)}))
    first = Task("first", "planted_tasks:succeed", {"n": 4}, {"data": "given"})
    with RayExecutor(store, 1, PRELOAD, address=cluster.address, share=url) as executor:
        fails = Task("fails", "planted_tasks:fail")
        assert [result.status for result in work(executor, [first, fails])] == ["ok", "error"]
        second = Task("second", "planted_tasks:succeed", {}, {"one": "first", "other": "given"})
        assert [result.status for result in work(executor, [second])] == ["ok"]
    assert store.meta("first")["total"] == sum(range(5))
    assert store.meta("second")["total"] == sum(range(5)) + sum(range(4))
    assert "the data" in (store.root / "logs" / "fails.log").read_text()
    (own,) = caches.glob("shares/*")
    assert content(Store(own)) == content(store)
    assert not list(tmp_path.glob("*/logs/ray-*"))


def test_a_machine_that_does_not_see_the_share_does_not_take_part(cluster, nodes, tmp_path):
    with (
        RayExecutor(Store(tmp_path / "run"), 1, PRELOAD, address=cluster.address, share="memory://mine") as executor,
        pytest.raises(RecbenchError, match=r"does not see memory://mine; name a URL that is one for all"),
    ):
        next(work(executor, chain(1)))


def test_a_machine_with_another_build_does_not_take_part(cluster, nodes, tmp_path, monkeypatch):
    monkeypatch.setattr("recbench.execution.cluster.fingerprint", lambda: {"numpy": "0.1"})
    with (
        RayExecutor(Store(tmp_path / "run"), 1, PRELOAD, address=cluster.address) as executor,
        pytest.raises(RecbenchError, match=r"has another .*numpy.* than the harness"),
    ):
        next(work(executor, chain(1)))


def test_without_a_cluster_the_address_is_told(tmp_path):
    with pytest.raises(RecbenchError, match=r"no Ray cluster at 127\.0\.0\.1:1: .* 'ray start --head'"):
        RayExecutor(Store(tmp_path / "run"), 1, PRELOAD, address="127.0.0.1:1")


def test_a_node_that_does_not_come_up_is_one_clear_line(tmp_path, monkeypatch):
    def late(**_):
        raise Exception("The current node timed out\nduring startup.")

    monkeypatch.setattr("ray.init", late)
    with pytest.raises(RecbenchError, match=r"^Ray does not start on this machine: The current node timed out during"):
        RayExecutor(Store(tmp_path / "run"), 1, PRELOAD)
