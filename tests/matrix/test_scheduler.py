from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from recbench.execution import Limits, Task, TaskResult
from recbench.matrix.scheduler import Done, Failed, Scheduler
from recbench.matrix.stages import Stage
from recbench.store import Artifact, Store


class Bench:
    """An executor that computes in this process: each kind of stage is a function of arguments and inputs."""

    def __init__(self, store: Store, functions: dict[str, Callable]) -> None:
        self.store = store
        self.functions = functions
        self.ran: list[str] = []
        self.queue: list[Task] = []
        self.closed = False

    def submit(self, task: Task) -> None:
        self.queue.append(task)

    def next(self, timeout=None) -> TaskResult:
        task = self.queue.pop()
        self.ran.append(task.label)
        inputs = {name: self.store.get(key) for name, key in task.inputs.items()}
        result = TaskResult(task, "ok", "", 0.0, 0.0, 0, f"logs/{task.key}.log")
        try:
            kind = task.function.partition(":")[2]
            self.store.put(task.key, self.functions[kind](task.arguments, inputs))
        except RuntimeError as error:
            return replace(result, status="error", reason=str(error))
        return result

    def close(self) -> None:
        self.closed = True


def number(arguments, inputs):
    return Artifact({"value": np.array(arguments["value"])}, {"removed": arguments.get("removed", 0)})


def total(arguments, inputs):
    return Artifact({"value": np.array(sum(int(each.arrays["value"]) for each in inputs.values()))})


def breaks(arguments, inputs):
    raise RuntimeError("no luck")


@pytest.fixture
def bench(tmp_path):
    functions = {"prepare": number, "sanitize": number, "fit": total, "evaluate": total, "craft": breaks}
    return Bench(Store(tmp_path), functions)


def stage(kind, inputs=None, optional=(), seed=0, **arguments) -> Stage:
    arguments |= {"seed": seed}
    return Stage(kind, arguments, inputs or {}, "build", f"{kind} {arguments}", frozenset(optional))


def run(bench, *lasts):
    with Scheduler(bench.store, lambda: bench, Limits(), 1, lambda event: None) as scheduler:
        seen = list(scheduler.run(lasts))
    assert {each.recipe for each in seen} == {each.recipe for each in lasts}
    return [scheduler.settled[each.recipe] for each in lasts]


def value(bench, settled):
    return int(bench.store.get(settled.key).arrays["value"])


def test_a_shared_stage_is_computed_once(bench):
    data = stage("prepare", value=1)
    left, right = (stage("fit", {"prepared": data, "more": stage("prepare", value=each)}) for each in (2, 3))
    assert [value(bench, settled) for settled in run(bench, left, right)] == [3, 4]
    assert len(bench.ran) == 5
    assert bench.ran.count(data.label) == 1


def test_a_second_run_computes_nothing_and_starts_no_executor(bench):
    last = stage("fit", {"prepared": stage("prepare", value=1)})
    first = run(bench, last)

    def start():
        pytest.fail("nothing is to be done")

    with Scheduler(bench.store, start, Limits(), 1, lambda event: None) as scheduler:
        assert list(scheduler.run([last])) == [last]
    assert scheduler.settled[last.recipe] == first[0]
    assert scheduler.computed == 0


def test_inputs_of_equal_content_make_one_stage(bench):
    # Two recipes whose artifacts turn out to be the same: the next stage has one key.
    lasts = [stage("fit", {"prepared": stage("prepare", value=1, comment=word)}) for word in "ab"]
    one, other = run(bench, *lasts)
    assert one == other
    assert len(bench.ran) == 3


def test_a_verdict_that_removes_nobody_costs_no_fit(bench):
    data = stage("prepare", value=1)
    plain = stage("fit", {"prepared": data})
    kept = stage("fit", {"prepared": data, "verdict": stage("sanitize", value=5, removed=0)})
    cut = stage("fit", {"prepared": data, "verdict": stage("sanitize", value=5, removed=2)})
    of_plain, of_kept, of_cut = run(bench, plain, kept, cut)
    assert of_kept == of_plain
    assert value(bench, of_cut) == 6


class InTurn(list):
    """A queue that gives what came first."""

    def pop(self):
        return super().pop(0)


def test_the_cells_of_a_split_seed_are_finished_before_more_than_a_few_stages_of_the_next_are_done(bench):
    bench.functions["craft"] = number
    bench.queue = InTurn()
    lasts = []
    for seed, attack in ((1, 1), (0, 1), (1, 2), (0, 2)):
        data = stage("prepare", seed=seed, value=seed)
        profiles = stage("craft", {"prepared": data}, seed=seed, value=attack)
        fitted = stage("fit", {"prepared": data, "profiles": profiles}, seed=seed)
        lasts.append(stage("evaluate", {"fit": fitted}, seed=seed, cell=attack))
    run(bench, *lasts)
    ran = [(label.partition(" ")[0], int(label.partition("'seed': ")[2][0])) for label in bench.ran]
    last_of_first = max(at for at, one in enumerate(ran) if one == ("evaluate", 0))
    assert {kind for kind, seed in ran[:last_of_first] if seed == 1} <= {"prepare", "craft"}


def test_a_failure_settles_what_needs_it_and_nothing_else(bench):
    data = stage("prepare", value=1)
    doomed = stage(
        "evaluate", {"fit": stage("fit", {"prepared": data, "profiles": stage("craft", {"prepared": data})})}
    )
    sound = stage("evaluate", {"fit": stage("fit", {"prepared": data})})
    failed, done = run(bench, doomed, sound)
    assert isinstance(failed, Failed)
    assert (failed.status, failed.reason, failed.stage) == ("error", "no luck", "craft")
    assert failed.log.startswith("logs/")
    assert value(bench, done) == 1


def test_an_optional_input_that_failed_is_left_out(bench):
    data = stage("prepare", value=1)
    last = stage("evaluate", {"fit": stage("fit", {"prepared": data}), "clean": stage("craft")}, optional=["clean"])
    (done,) = run(bench, last)
    assert isinstance(done, Done)
    assert value(bench, done) == 1


def test_a_damaged_artifact_is_a_failure_of_the_stage_that_reads_it(bench):
    data = stage("prepare", value=1)
    (done,) = run(bench, data)
    bench.store.path(done.key).write_text("{")
    (failed,) = run(bench, stage("fit", {"prepared": data}))
    assert isinstance(failed, Failed)
    assert "damaged" in failed.reason


def test_the_executor_is_closed_whatever_happens(bench):
    def interrupted(arguments, inputs):
        raise KeyboardInterrupt

    bench.functions["prepare"] = interrupted
    with pytest.raises(KeyboardInterrupt):
        run(bench, stage("prepare", value=1))
    assert bench.closed


def test_every_stage_is_told_to_start_once_and_then_to_end(bench):
    data = stage("prepare", value=1)
    lasts = [stage("fit", {"prepared": data, "more": stage("prepare", value=each)}) for each in (2, 3)]
    doomed = stage("craft", {"prepared": data})
    events = []
    with Scheduler(bench.store, lambda: bench, Limits(), 2, events.append) as scheduler:
        list(scheduler.run([*lasts, doomed]))
    started = [event.key for event in events if isinstance(event, Task)]
    ended = [event for event in events if isinstance(event, TaskResult)]
    assert len(started) == len(set(started)) == len(ended) == scheduler.computed == 6
    for result in ended:
        assert events.index(result.task) < events.index(result)
        assert result.status == ("error" if result.task.function.endswith(":craft") else "ok")


def test_no_more_stages_are_told_to_run_than_there_are_jobs(bench):
    events = []
    bench.queue = type("Fifo", (list,), {"pop": lambda self: list.pop(self, 0)})()  # as the real executor takes them
    with Scheduler(bench.store, lambda: bench, Limits(), 2, events.append) as scheduler:
        list(scheduler.run([stage("prepare", value=each) for each in range(7)]))
    running = 0
    most = 0
    for event in events:
        running += 1 if isinstance(event, Task) else -1
        most = max(most, running)
    assert (most, running) == (2, 0)
