"""A real film that is killed 20 times, or whose disk fills up: nothing finished is lost."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from reelwright.production.journal import Journal, Outcome

from .conftest import HERE

NUM_KILLS = 20
SEED = 7

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="process groups are POSIX"),
]


def start(storyboard: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(HERE / "render_driver.py"), str(storyboard), "animatic"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(storyboard: Path) -> None:
    process = start(storyboard)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 0, said.decode()


def decoded(film: Path) -> Iterator[str]:
    """Digests of every frame and every block of sound of a film, as they are decoded."""
    import av

    for kind in ("video", "audio"):
        with av.open(str(film)) as container:
            stream = getattr(container.streams, kind)[0]
            for frame in container.decode(stream):
                yield hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest()


def check_journal(storyboard: Path, *also: Outcome) -> set[str]:
    """No stage runs after it was finished; returns the attempts that finished."""
    path = storyboard.parent / ".reelwright" / "journal.sqlite"
    with Journal(path, lambda: (), lambda text: None) as journal:
        rows = journal.attempts()
    done: set[str] = set()
    for row in rows:
        assert row.key not in done, f"{row.stage} ran after it was finished"
        if row.outcome is Outcome.FINISHED:
            done.add(row.key)
    assert all(row.outcome in (Outcome.FINISHED, Outcome.LOST, *also) for row in rows)
    return {row.attempt for row in rows if row.outcome is Outcome.FINISHED}


def test_a_film_that_is_killed_at_random_is_the_undisturbed_one(
    small_film: ModuleType, tmp_path: Path
) -> None:
    calm = small_film.write_small_film(tmp_path / "calm")
    started = time.monotonic()
    finish(calm)
    whole_s = time.monotonic() - started
    expected = list(decoded(calm.with_name("small-animatic.mp4")))
    assert len(expected) > 20
    rng = random.Random(SEED)
    kills, films, storyboard = 0, 0, small_film.write_small_film(tmp_path / "0")
    while kills < NUM_KILLS:
        process = start(storyboard)
        try:
            process.communicate(timeout=rng.uniform(0.1, whole_s))
            ended = True
        except subprocess.TimeoutExpired:
            ended = False
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            kills += 1
        if ended:  # it came through: check it, and go on with a fresh one
            assert process.returncode == 0
            assert list(decoded(storyboard.with_name("small-animatic.mp4"))) == expected
            check_journal(storyboard)
            films += 1
            storyboard = small_film.write_small_film(tmp_path / str(films))
    finish(storyboard)
    assert list(decoded(storyboard.with_name("small-animatic.mp4"))) == expected
    before = check_journal(storyboard)
    for path in (storyboard.parent / ".reelwright").glob("journal.sqlite*"):
        path.unlink()
    finish(storyboard)
    assert check_journal(storyboard) == before
    assert list(decoded(storyboard.with_name("small-animatic.mp4"))) == expected


def fill(path: Path, leave: int) -> None:
    """Fill a small file system but for a few bytes."""
    free = shutil.disk_usage(path.parent).free
    with contextlib.suppress(OSError):  # the render writes too, and may have been first
        path.write_bytes(bytes(max(free - leave, 0)))


@pytest.fixture(scope="module")
def calm(small_film: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The film, rendered without any disturbance."""
    storyboard: Path = small_film.write_small_film(tmp_path_factory.mktemp("calm") / "film")
    finish(storyboard)
    return storyboard


@pytest.mark.parametrize("after", ["stage/near", "generate/near#1", "finish/words", "mix"])
def test_a_disk_that_fills_up_loses_nothing(
    small_film: ModuleType, small_disk: Path, calm: Path, after: str
) -> None:
    storyboard = small_film.write_small_film(small_disk / "film")
    process = subprocess.Popen(
        [sys.executable, str(HERE / "render_driver.py"), str(storyboard), "animatic"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "stage-finished" and event["stage"] == after:
            fill(small_disk / "ballast", leave=8192)
            break
    try:
        _, said = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 1, said
    assert "The disk is full" in said
    (small_disk / "ballast").unlink()
    finish(storyboard)
    check_journal(storyboard, Outcome.FAILED)
    name = "small-animatic.mp4"
    assert storyboard.with_name(name).read_bytes() == calm.with_name(name).read_bytes()
