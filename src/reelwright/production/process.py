"""One worker process, as its parent sees it."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import reelwright
from reelwright.errors import ResourceError
from reelwright.production.memory import anonymous_bytes
from reelwright.production.task import Task
from reelwright.production.wire import Cancel, Run, Sender, Setup, receive

# `-P`: the folder the person is in is not a place to import from.
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from {0} import main; main()"
_MODULE = "reelwright.production.worker"
_SOURCE = Path(reelwright.__file__).resolve().parent.parent
_LOG_TAIL = 2000
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How workers are started.

    Attributes:
        registry: `module:name` of the mapping from kinds of stages to functions.
        threads: CPU threads of each; None leaves it to the environment and the libraries.
        logs: Folder for what their libraries print.
        search_path: Places to import from, before the parent's own.
        environment: Variables over the parent's.
    """

    registry: str = "reelwright.production.stages:STAGES"
    threads: int | None = None
    logs: Path | None = None
    search_path: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


class WorkerProcess:
    """A warm worker on one device.

    Args:
        device: What it works on.
        settings: How it is started.
        inbox: Where its messages go, as (this worker, message); None says that its pipe ended.

    Raises:
        ResourceError: No process can be started.
    """

    def __init__(
        self,
        device: str,
        settings: WorkerSettings,
        inbox: queue.SimpleQueue[tuple[WorkerProcess, object | None]],
    ) -> None:
        self.device = device
        self.task: Task | None = None
        self.started_at = 0.0
        self.heard_at = time.monotonic()
        self.peak_ram_bytes = 0
        self.killed_for = ""
        self._inbox = inbox
        self._log_path = _log_path(settings, device)
        self._process = _start(settings, self._log_path)
        self.pid = self._process.pid
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("a worker was started without pipes")
        self._sender = Sender(cast(BinaryIO, stdin))
        self._stdout = cast(BinaryIO, stdout)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._send(_setup(settings, device))

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def run(self, task: Task) -> None:
        """Give it a task; it has none."""
        self.task = task
        self.started_at = self.heard_at = time.monotonic()
        self.peak_ram_bytes = anonymous_bytes(self.pid)
        self._send(Run(task))

    def cancel(self) -> None:
        """Ask it to stop its task at the next step."""
        self._send(Cancel())

    def sample_memory(self) -> None:
        """Look at what it holds now; the highest counts."""
        if self.task is not None:
            self.peak_ram_bytes = max(self.peak_ram_bytes, anonymous_bytes(self.pid))

    def kill(self, why: str = "") -> None:
        """End it at once."""
        self.killed_for = self.killed_for or why
        with contextlib.suppress(OSError):
            self._process.kill()

    def close(self, patience_s: float = 1.0) -> None:
        """End it and wait until it is gone; its pipe goes first, so an idle one ends by itself."""
        self._sender.close()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
        self._reader.join()
        self._stdout.close()

    def epitaph(self) -> str:
        """Why it ended, in words; call it when its pipe has ended."""
        try:
            code = self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.wait()
        if self.killed_for:
            return self.killed_for
        said = _last_words(self._log_path)
        return f"{_exit_words(code)}{f': {said}' if said else ''}"

    def _send(self, message: object) -> None:
        # A worker that is gone is noticed by its reader, once and for all.
        with contextlib.suppress(OSError):
            self._sender.send(message)

    def _read(self) -> None:
        try:
            while (message := receive(self._stdout)) is not None:
                self._inbox.put((self, message))
        except (OSError, ValueError):
            pass  # closed under us
        self._inbox.put((self, None))


def _setup(settings: WorkerSettings, device: str) -> Setup:
    # The system ends a child with the *thread* that started it, so it is asked only for the main
    # thread's children: that thread lives as long as the process.
    return Setup(
        search_path=(*settings.search_path, *sys.path),
        registry=settings.registry,
        device=device,
        parent=os.getpid(),
        die_with_parent=threading.current_thread() is threading.main_thread(),
    )


def _start(settings: WorkerSettings, log_path: Path | None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-c", _BOOT.format(_MODULE), str(_SOURCE)]
    try:
        with _log_stream(log_path) as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(settings),
            )
    except OSError as error:
        raise ResourceError(
            f"No worker process can be started: {error.strerror or error}.",
            "Close other programs, then run the same command again.",
        ) from error


@contextlib.contextmanager
def _log_stream(path: Path | None) -> Any:
    if path is None:
        yield subprocess.DEVNULL
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as log:
        yield log


def _environment(settings: WorkerSettings) -> dict[str, str]:
    # Threads that wait for one another must sleep, not spin: on a shared machine spinning made the
    # measures of a 2 s shot take 38 s where they take 3.
    calm = {"OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE")}
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **calm, **settings.environment}
    if settings.threads is not None:
        environment.update(dict.fromkeys(_THREAD_VARIABLES, str(settings.threads)))
    return environment


def _log_path(settings: WorkerSettings, device: str) -> Path | None:
    if settings.logs is None:
        return None
    return settings.logs / f"worker-{device.replace(':', '-')}.log"


def _exit_words(code: int) -> str:
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        often = " (often the system, out of memory)" if name == "SIGKILL" else ""
        return f"killed by {name}{often}"
    return f"ended by itself with code {code}"


def _last_words(path: Path | None) -> str:
    """The first line of what the interpreter or a library cried at the end, if anything."""
    if path is None or not path.is_file():
        return ""
    tail = path.read_bytes()[-_LOG_TAIL:].decode("utf-8", "replace")
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("Fatal", "Traceback", "terminate"))]
    if not fatal:
        return ""
    return lines[-1] if fatal[0].startswith("Traceback") else fatal[0]
