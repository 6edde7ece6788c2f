"""Functions for workers: one that works, and one for every way to go wrong."""

import ctypes
import mmap
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np

from recbench.errors import BudgetViolation
from recbench.store import Artifact

MAP_NORESERVE = 0x4000


def succeed(arguments, inputs):
    total = sum(int(artifact.arrays["x"].sum()) for artifact in inputs.values())
    return Artifact({"x": np.arange(arguments.get("n", 3))}, {"total": total, "process": os.getpid()})


def modules(arguments, inputs):
    return Artifact(meta={"modules": sorted(sys.modules)})


def fail(arguments, inputs):
    raise ValueError("the data\nhave two lines")


def break_a_rule(arguments, inputs):
    raise BudgetViolation("fake 3 holds 40 items; 30 are allowed")


def return_nothing(arguments, inputs):
    return None


def exit_quietly(arguments, inputs):
    os._exit(0)


def leave_by_sys_exit(arguments, inputs):
    sys.exit(0)


def segfault(arguments, inputs):
    ctypes.string_at(0)


def ignore_everything(arguments, inputs):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        pass


def sleep(arguments, inputs):
    time.sleep(arguments["seconds"])
    return succeed({}, {})


def wait_for(arguments, inputs):
    while not os.path.exists(arguments["file"]):
        time.sleep(0.005)
    return succeed({}, {})


def meet(arguments, inputs):
    """Waits until so many have come, stays a while, and tells how many are there and which GPUs it may use."""
    mark = os.path.join(arguments["folder"], arguments["name"])
    open(f"{mark}.came", "w").close()
    open(f"{mark}.here", "w").close()

    def count(ending):
        return sum(name.endswith(ending) for name in os.listdir(arguments["folder"]))

    while count(".came") < arguments["count"]:
        time.sleep(0.005)
    time.sleep(0.5)
    here = count(".here")
    os.remove(f"{mark}.here")
    return Artifact({}, {"here": here, "gpus": os.environ.get("CUDA_VISIBLE_DEVICES")})


def sleep_as(arguments, inputs):
    """Sleeps, having told who it is."""
    with open(arguments["file"], "w") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(60)


def start_a_daemon(arguments, inputs):
    """A grandchild in its own session, whose parent is dead: nothing ties it to the worker."""
    _daemonize(arguments["file"])
    return succeed({}, {})


def start_a_daemon_and_sleep(arguments, inputs):
    _daemonize(arguments["file"])
    time.sleep(60)


def _daemonize(file):
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            temporary = f"{file}.new"
            with open(temporary, "w") as stream:
                stream.write(f"{os.getpid()}\n")
            os.rename(temporary, file)
            time.sleep(60)
        os._exit(0)
    os.waitpid(child, 0)
    while not os.path.exists(file):
        time.sleep(0.005)


def start_a_program(arguments, inputs):
    """An ordinary child that is never waited for."""
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with open(arguments["file"], "w") as stream:
        stream.write(f"{program.pid}\n")
    return succeed({}, {})


def fork_and_return_twice(arguments, inputs):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return Artifact({}, {"child": child == 0})


def allocate(arguments, inputs):
    np.ones(arguments["bytes"], dtype=np.uint8)
    return succeed({}, {})


def allocate_in_torch(arguments, inputs):
    import torch

    torch.ones(arguments["bytes"], dtype=torch.uint8)
    return succeed({}, {})


def allocate_little_by_little(arguments, inputs):
    held = []
    while True:
        held.append(bytearray(1 << 20))


def grow(arguments, inputs):
    """Take up memory slowly enough to be seen."""
    held = []
    while sum(map(len, held)) < arguments["bytes"]:
        held.append(np.ones(16 << 20, dtype=np.uint8))
        time.sleep(0.02)
    return succeed({}, {})


def reserve(arguments, inputs):
    """Address space that nobody writes to, as CUDA's driver reserves it."""
    with mmap.mmap(-1, arguments["bytes"], flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE):
        time.sleep(0.3)
    return succeed({}, {})


def abort_for_want_of_memory(arguments, inputs):
    """What the C++ runtime does with an allocation failure that nobody catches."""
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


def shout(arguments, inputs):
    line = b"x" * 1023 + b"\n"
    for _ in range(arguments["megabytes"]):
        os.write(1, line * 1024)
    raise RuntimeError("the end")


def greet(arguments, inputs):
    print("hello")
    print("beware", file=sys.stderr)
    return succeed({}, {})


def leave_a_thread(arguments, inputs):
    threading.Thread(target=time.sleep, args=(60,)).start()
    return succeed({}, {})


def write_into_the_input(arguments, inputs):
    inputs["data"].arrays["x"][0] = 99


def write_into_the_input_through_torch(arguments, inputs):
    import torch

    tensor = torch.from_numpy(inputs["data"].arrays["x"])
    tensor[0] = 99
    return Artifact({"x": tensor.numpy().copy()})


def draw(arguments, inputs):
    return Artifact({"x": np.random.random(3)})  # noqa: NPY002  the global state is what is tested


def thread_settings(arguments, inputs):
    return Artifact({}, {name: os.environ[name] for name in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY")})


def torch_threads(arguments, inputs):
    import torch

    return Artifact({}, {"threads": torch.get_num_threads()})


def surroundings(arguments, inputs):
    """The worker's session, and what is open beside the standard streams."""
    paths = [f"/proc/self/fd/{n}" for n in range(3, 64)]
    opened = [os.readlink(path) for path in paths if os.path.lexists(path)]
    return Artifact({}, {"leads": os.getsid(0) == os.getpgid(0) == os.getpid(), "open": opened})


def count_and_fail(arguments, inputs):
    """Notes every call, then fails."""
    with open(arguments["file"], "a") as file:
        file.write("called\n")
    raise ValueError("as planted")


def kill_the_zygote(arguments, inputs):
    """Notes every call, then kills the process that starts workers."""
    with open(arguments["file"], "a") as file:
        file.write("called\n")
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


def kill_the_slot(arguments, inputs):
    """Notes every call, then kills what has started the process that starts workers."""
    with open(arguments["file"], "a") as file:
        file.write("called\n")
    with open(f"/proc/{os.getppid()}/status") as status:
        parent = next(int(line.split()[1]) for line in status if line.startswith("PPid:"))
    os.kill(parent, signal.SIGKILL)
    time.sleep(60)
