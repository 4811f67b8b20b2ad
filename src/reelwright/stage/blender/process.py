"""One run of Blender: started, listened to, ended.

Blender prints much of its own; lines of ours begin with a mark. The last lines are kept for the
message if it goes wrong.
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from reelwright.errors import ResourceError
from reelwright.stage.blender.find import Blender

MARK = b"REELWRIGHT "
_TAIL_LINES = 30
_LISTEN_S = 0.5


def run_blender(
    blender: Blender, job: Path, heard: Callable[[dict[str, Any] | None], None]
) -> tuple[int, str]:
    """Carry out a job file.

    Args:
        blender: Which one.
        job: The job; Blender is started in its folder.
        heard: Given each message of the script, and None twice a second between; what it raises
            ends Blender.

    Returns:
        The exit code (negative: the signal that ended it) and the last lines that it printed.

    Raises:
        ResourceError: It cannot be started.
    """
    try:
        process = subprocess.Popen(
            blender.command(job),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=job.parent,
        )
    except OSError as error:
        raise ResourceError(
            f"Blender could not be started: {error.strerror or error}.",
            "Check the program, or stage with the built-in stage.",
            where=str(blender.program),
        ) from error
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(process.stdout, lines), daemon=True)
    reader.start()
    tail: deque[bytes] = deque(maxlen=_TAIL_LINES)
    try:
        _listen(lines, tail, heard)
        code = process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        reader.join()
        if process.stdout is not None:
            process.stdout.close()
    return code, b"".join(tail).decode("utf-8", "replace")


def _read(stdout: IO[bytes], lines: queue.SimpleQueue[bytes | None]) -> None:
    for line in stdout:
        lines.put(line)
    lines.put(None)


def _listen(
    lines: queue.SimpleQueue[bytes | None],
    tail: deque[bytes],
    heard: Callable[[dict[str, Any] | None], None],
) -> None:
    while True:
        try:
            line = lines.get(timeout=_LISTEN_S)
        except queue.Empty:
            heard(None)
            continue
        if line is None:
            return
        message = message_in(line)
        if message is None:
            tail.append(line)
        else:
            heard(message)


def message_in(line: bytes) -> dict[str, Any] | None:
    """The script's message in a line; None where it is Blender's own print."""
    if not line.startswith(MARK):
        return None
    try:
        message = json.loads(line[len(MARK) :])
    except ValueError:
        return None
    return message if isinstance(message, dict) else None
