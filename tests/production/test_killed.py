"""Renders that are killed, stopped or starved from outside, in processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from reelwright.plan import Plan
from reelwright.production.collecting import clean
from reelwright.production.journal import Outcome
from reelwright.production.project import Project

from .conftest import HERE, Bench

pytestmark = pytest.mark.skipif(os.name == "nt", reason="process groups are POSIX")


def start(root: Path, **options: Any) -> subprocess.Popen[str]:
    """A render in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, str(HERE / "toy_driver.py"), str(root), json.dumps(options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(process: subprocess.Popen[str], event: str, **fields: str) -> None:
    """Read events until one comes."""
    assert process.stdout is not None
    for line in process.stdout:
        said = json.loads(line)
        if said["event"] == event and all(said[name] == value for name, value in fields.items()):
            return
    raise AssertionError(f"{event} never came: {process.communicate()[1]}")


def workers_of(pid: int) -> list[int]:
    """Children of a process."""
    import psutil

    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def is_gone(pid: int) -> bool:
    import psutil

    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def all_gone(pids: list[int], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if all(is_gone(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def test_a_film_that_is_killed_again_and_again_is_the_undisturbed_one(
    bench: Bench, toys: ModuleType, tmp_path: Path
) -> None:
    options = {"num_shots": 3, "steps": 10, "pause_s": 0.01}
    plan: Plan = toys.toy_plan(**options)
    rng = random.Random(4)
    for _ in range(3):
        process = start(bench.project.root, **options)
        wait_for(process, "job-started")
        time.sleep(rng.uniform(0.2, 0.9))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    bench.run(plan)
    rows = bench.journal()
    finished = Counter(row.key for row in rows if row.outcome is Outcome.FINISHED)
    assert finished == Counter(stage.key for stage in plan.stages)
    done: set[str] = set()
    for row in rows:
        assert row.key not in done, f"{row.stage} ran after it was finished"
        done |= {row.key} if row.outcome is Outcome.FINISHED else set()
    undisturbed = Bench(Project.at(tmp_path / "undisturbed"), bench.workers)
    undisturbed.project.root.mkdir()
    undisturbed.run(plan)
    for stage in plan.stages:
        assert bench.result(plan, stage.id) == undisturbed.result(plan, stage.id)
    assert len(list(bench.project.artifacts.glob("*/a-*"))) == len(plan.stages)


def test_a_worker_ends_with_its_parent(bench: Bench) -> None:
    process = start(bench.project.root, changes={"generate/s0": {"act": "deaf"}})
    wait_for(process, "stage-started", stage="generate/s0")
    workers = workers_of(process.pid)
    assert len(workers) == 1
    process.kill()
    process.communicate()
    assert all_gone(workers, within_s=2.0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_a_render_that_can_go_on(
    bench: Bench, toys: ModuleType, number: signal.Signals
) -> None:
    process = start(bench.project.root, changes={"generate/s1": {"act": "hang"}})
    wait_for(process, "stage-started", stage="generate/s1")
    workers = workers_of(process.pid)
    os.killpg(process.pid, number)  # the whole group, as a terminal does
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Run the same command again" in said
    assert all_gone(workers, within_s=2.0)
    rows = {row.stage: row.outcome for row in bench.journal()}
    assert rows.pop("generate/s1") is Outcome.CANCELLED
    assert set(rows.values()) == {Outcome.FINISHED}
    assert {"stage/s0", "generate/s0"} <= set(bench.run(toys.toy_plan()).reused)


def test_a_second_signal_does_not_wait(bench: Bench) -> None:
    process = start(bench.project.root, grace_s=60.0, changes={"generate/s1": {"act": "deaf"}})
    wait_for(process, "stage-started", stage="generate/s1")
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert time.monotonic() - started < 10


def test_two_renders_at_once_are_refused(bench: Bench) -> None:
    first = start(bench.project.root, changes={"generate/s1": {"act": "hang"}})
    try:
        wait_for(first, "stage-started", stage="generate/s1")
        second = start(bench.project.root)
        _, said = second.communicate(timeout=20)
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.communicate()
    assert second.returncode == 1
    assert f"by process {first.pid} on" in said
    third = start(bench.project.root)
    third.communicate(timeout=30)
    assert third.returncode == 0


def test_a_full_disk_is_named_and_nothing_finished_is_lost(
    small_disk: Path, bench: Bench, toys: ModuleType
) -> None:
    options: dict[str, Any] = {"changes": {"generate/s1": {"act": "big", "mib": 20}}}
    process = start(small_disk, **options)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "The disk is full" in said
    assert "reelwright clean" in said
    small = Bench(Project.at(small_disk), bench.workers)
    rows = {row.stage: row.outcome for row in small.journal()}
    assert rows.pop("generate/s1") is Outcome.FAILED
    assert set(rows.values()) == {Outcome.FINISHED}
    kept = set(rows)
    assert kept >= {"stage/s0", "stage/s1", "generate/s0"}
    assert len(list(small.project.artifacts.glob("*/a-*"))) == len(kept)
    with contextlib.suppress(OSError), (small_disk / "ballast").open("wb") as ballast:
        while True:
            ballast.write(bytes(4096))
    (small_disk / "storyboard.toml").touch()
    assert clean(small_disk, everything=True, dry_run=True).removed  # needs no room
    (small_disk / "ballast").unlink()
    options["changes"]["generate/s1"]["mib"] = 1  # what it would be with room
    carried = small.run(toys.toy_plan(**options))
    assert not kept & set(carried.ran)
    assert "mux" in carried.ran
