"""Messages between a parent and its worker: pickled values with their length in front.

Both ends are the same program on the same machine, and nobody else has the pipe, so pickle is as
safe as the program itself. What is sent is in `task` and below.
"""

from __future__ import annotations

import pickle
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from reelwright.production.task import Task

_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Setup:
    """The first thing a worker is told.

    Attributes:
        search_path: Where modules are looked for: the parent's own.
        registry: `module:name` of a mapping from kinds of stages to their functions.
        device: What the worker works on.
        parent: The parent's process.
        die_with_parent: Whether the system may be asked to end the worker with its parent.
    """

    search_path: tuple[str, ...]
    registry: str
    device: str
    parent: int
    die_with_parent: bool


@dataclass(frozen=True, slots=True)
class Run:
    """Carry out a task."""

    task: Task


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the task at its next step."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker is up.

    Attributes:
        pid: Its process.
    """

    pid: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The worker is alive."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A task's function returned and its result is on the disk.

    Attributes:
        attempt: The task's attempt.
        files: Size in bytes of every file, by path relative to the attempt's folder.
        seconds: What it took.
        fingerprint: What it ran with.
    """

    attempt: str
    files: Mapping[str, int]
    seconds: float
    fingerprint: Mapping[str, Any]


class Sender:
    """Writes messages; safe to use from several threads.

    Args:
        stream: The pipe's end; unbuffered or not.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, message: object) -> None:
        """Send one.

        Raises:
            OSError: The other end is gone.
        """
        data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        with self._lock:
            self._stream.write(_LENGTH.pack(len(data)) + data)
            self._stream.flush()

    def close(self) -> None:
        """Close this end; the other hears the end of the stream."""
        try:
            self._stream.close()
        except OSError:
            return  # what was not flushed has no reader any more


def receive(stream: BinaryIO) -> object | None:
    """The next message; None at the end of the stream, even in the middle of a message."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    if len(data) < length:
        return None
    message: object = pickle.loads(data)
    return message
