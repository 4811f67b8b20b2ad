"""The worker: a process of its own that carries tasks out, one after another, and stays warm.

It is started by `process.WorkerProcess`, talks over its standard input and output, and ends when
that pipe does: a parent that is killed takes its worker along. What libraries print goes to the
worker's log. Interrupts from the terminal are the parent's affair and are ignored here.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import os
import pickle
import platform
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, BinaryIO

from numpy.typing import NDArray

import reelwright
from reelwright.errors import Cancelled, InputError, ReelwrightError, ResourceError
from reelwright.plan import StageKind
from reelwright.production.disk import disk_full_error, is_disk_full, sync_tree
from reelwright.production.preview import write_preview
from reelwright.production.task import Task, TaskFailed, TaskPreview, TaskStep, TaskWarned
from reelwright.production.wire import (
    Cancel,
    Finished,
    Heartbeat,
    Ready,
    Run,
    Sender,
    Setup,
    receive,
)
from reelwright.progress import Progress

HEARTBEAT_S = 0.5
"""How often a worker says that it is alive."""

_STEP_S = 0.1  # news that come faster are not sent
_PREVIEW_S = 1.0
_PR_SET_PDEATHSIG = 1
_MEMORY_WORDS = ("out of memory", "can't allocate memory", "cannot allocate memory")

StageFunction = Callable[[Task, Progress], None]
Registry = Mapping[StageKind, StageFunction]


def main() -> None:
    """Run until the pipe ends. Called by the command that `process.WorkerProcess` starts."""
    _ignore_interrupts()
    reader, writer = _take_pipes()
    setup = receive(reader)
    if not isinstance(setup, Setup):
        os._exit(1)
    if setup.die_with_parent:
        _die_with(setup.parent)
    sys.path[:] = [*setup.search_path]
    faulthandler.enable()
    _Worker(setup, reader, Sender(writer)).run()


class _Worker:
    def __init__(self, setup: Setup, reader: BinaryIO, sender: Sender) -> None:
        self._setup = setup
        self._reader = reader
        self._sender = sender
        self._tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        self._registry: Registry | None = None

    def run(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()
        self._send(Ready(os.getpid()))
        while True:
            self._send(self._carry_out(self._tasks.get()))
            _give_memory_back()

    def _listen(self) -> None:
        """Hear the parent; its silence ends this process at once, whatever it is doing."""
        while (message := receive(self._reader)) is not None:
            if isinstance(message, Run):
                self._cancelled.clear()
                self._tasks.put(message.task)
            elif isinstance(message, Cancel):
                self._cancelled.set()
        os._exit(0)

    def _beat(self) -> None:
        while True:
            time.sleep(HEARTBEAT_S)
            if os.name != "nt" and os.getppid() != self._setup.parent:
                os._exit(0)
            self._send(Heartbeat())

    def _send(self, message: object) -> None:
        try:
            self._sender.send(message)
        except OSError:
            os._exit(0)  # the parent is gone

    def _carry_out(self, task: Task) -> Finished | TaskFailed:
        started = time.monotonic()
        try:
            self._perform(task)
            files = sync_tree(task.out)
        # Whatever a library raises is the task's end and not the worker's.
        except Exception as error:  # noqa: BLE001
            trace = traceback.format_exc()
            named = _sendable(_named(error, task))
            return TaskFailed(task.attempt, named, time.monotonic() - started, trace)
        seconds = time.monotonic() - started
        return Finished(task.attempt, files, seconds, _fingerprint(task.device))

    def _perform(self, task: Task) -> None:
        if self._registry is None:
            self._registry = _load_registry(self._setup.registry)
        progress = _TaskProgress(task, self._send, self._cancelled)
        progress.step(0.0, "")
        used = (*task.files, *task.weights)
        for use in used:
            use.check(task.root)
        self._registry[task.kind](task, progress)
        for use in used:
            use.check(task.root)


class _TaskProgress:
    """What a task's function is given: its news go to the parent, its cancel comes from there."""

    def __init__(
        self, task: Task, send: Callable[[object], None], cancelled: threading.Event
    ) -> None:
        self._task = task
        self._send = send
        self._cancelled = cancelled
        self._next_step = 0.0
        self._next_preview = 0.0
        self._warned: set[str] = set()

    def step(self, fraction: float, note: str = "") -> None:
        if self._cancelled.is_set():
            raise Cancelled()
        now = time.monotonic()
        if now < self._next_step and fraction < 1.0:
            return
        self._next_step = now + _STEP_S
        self._send(TaskStep(self._task.attempt, min(max(float(fraction), 0.0), 1.0), note))

    def warn(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            self._send(TaskWarned(self._task.attempt, message))

    def preview(self, picture: NDArray[Any]) -> None:
        now = time.monotonic()
        path = self._task.preview
        if path is None or now < self._next_preview:
            return
        self._next_preview = now + _PREVIEW_S
        if write_preview(picture, path):
            self._send(TaskPreview(self._task.attempt, str(path)))


def _load_registry(target: str) -> Registry:
    module, _, name = target.partition(":")
    registry: Registry = getattr(import_module(module), name)
    return registry


def _named(error: Exception, task: Task) -> ReelwrightError:
    """What was raised, as something that a person can act on."""
    if isinstance(error, InputError | Cancelled):
        return error
    if is_disk_full(error, task.out):
        return disk_full_error(task.out, f"making {task.id}")
    if isinstance(error, ReelwrightError):
        return error
    words = str(error).lower()
    if isinstance(error, MemoryError) or any(each in words for each in _MEMORY_WORDS):
        return ResourceError(
            f"There is not enough memory for {task.id}.",
            "Close other programs, or use a smaller `size`; then run the same command again: what "
            "was finished is kept.",
            where=task.id,
        )
    if isinstance(error, OSError):
        return ResourceError(
            f"{task.id} could not read or write: {error}.",
            "Check the disk and the permissions, then run the same command again.",
            where=str(getattr(error, "filename", None) or task.id),
        )
    return ReelwrightError(
        f"{task.id} failed: {type(error).__name__}: {error}.",
        "This is a fault of Reelwright; please report it with what --debug prints.",
        where=task.id,
    )


def _sendable(error: ReelwrightError) -> ReelwrightError:
    """The error itself, or its words alone where its facts cannot cross the pipe."""
    try:
        pickle.loads(pickle.dumps(error))
    except (pickle.PicklingError, TypeError, AttributeError, ValueError):
        return ReelwrightError(error.what, error.mend, where=error.where)
    return error


def _fingerprint(device: str) -> dict[str, Any]:
    """What a result was made with; two of the same fingerprint are bit-identical."""
    facts: dict[str, Any] = {
        "reelwright": reelwright.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "device": device,
        "threads": os.environ.get("OMP_NUM_THREADS", ""),
    }
    for name in ("torch", "numpy", "av"):
        module = sys.modules.get(name)
        if module is not None:
            facts[name] = str(getattr(module, "__version__", ""))
    return facts


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The parent's pipes, out of the way of anything that prints or reads."""
    reader = os.fdopen(os.dup(0), "rb")
    writer = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return reader, writer


def _ignore_interrupts() -> None:
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, signal.SIG_IGN)


def _die_with(parent: int) -> None:
    """Ask Linux to end this process with its parent: a library may hold the GIL for seconds."""
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def _give_memory_back() -> None:
    """What the last task held is not the next one's peak."""
    gc.collect()
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
