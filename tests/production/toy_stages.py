"""Tiny deterministic stages for fault tests; spawned workers import this module."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from reelwright.errors import NumericsError, StageError
from reelwright.plan import (
    Estimate,
    Plan,
    PlannedStage,
    StageKind,
    artifact_key,
    canonical_json,
)
from reelwright.production.film_file import film_name
from reelwright.production.task import Task
from reelwright.progress import Progress

BYTES = 50_000

if "pytest" not in sys.modules:  # a worker, or the driver
    os.fsync = lambda fd: None  # type: ignore[assignment]


def _digest_of_inputs(task: Task) -> bytes:
    digest = hashlib.sha256(canonical_json(task.recipe).encode())
    for name, folder in task.inputs.items():
        digest.update(name.encode())
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            digest.update(path.read_bytes())
    for use in task.files:
        digest.update((task.root / use.path).read_bytes())
    return digest.digest()


def make(task: Task, progress: Progress) -> None:
    """Write bytes that depend on the recipe and on every input, slowly if asked."""
    steps = int(task.recipe.get("steps", 3))
    pause = float(task.recipe.get("pause_s", 0.0))
    seed = _digest_of_inputs(task)
    with (task.out / "data.bin").open("wb") as file:
        for step in range(steps):
            block = hashlib.shake_256(seed + bytes([step % 256])).digest(BYTES // steps)
            file.write(block)
            time.sleep(pause)
            progress.step((step + 1) / steps, f"step {step + 1} of {steps}")
    folder = task.out / "parts"
    folder.mkdir(exist_ok=True)
    (folder / "note.txt").write_text(task.kind)
    act = _ACTS.get(str(task.recipe.get("act", "")))
    if act is not None:
        act(task, progress)


def _once(task: Task) -> bool:
    """Whether this stage misbehaves now: only the first time where it says `once`."""
    if not task.recipe.get("once"):
        return True
    mark = task.root / f"{task.kind}.mark"
    if mark.exists():
        return False
    mark.touch()
    return True


def _kill(task: Task, progress: Progress) -> None:
    if _once(task):
        os.kill(os.getpid(), signal.SIGKILL)


def _note_and_kill(task: Task, progress: Progress) -> None:
    with (task.out / "attempts.txt").open("a") as file:
        file.write("here\n")
    _kill(task, progress)


def _note_and_stop(task: Task, progress: Progress) -> None:
    with (task.out / "attempts.txt").open("a") as file:
        file.write("here\n")
    if _once(task):
        _hang(task, progress)


def _note_and_fail(task: Task, progress: Progress) -> None:
    with (task.out / "attempts.txt").open("a") as file:
        file.write("here\n")
    _fail(task, progress)


def _abort(task: Task, progress: Progress) -> None:
    if _once(task):
        os.abort()


def _fail(task: Task, progress: Progress) -> None:
    if _once(task):
        raise StageError("The set fell over.", "Prop it up.", where=task.id)


def _bug(task: Task, progress: Progress) -> None:
    raise KeyError("nobody expected this")


def _no_memory(task: Task, progress: Progress) -> None:
    raise MemoryError


def _disk_full(task: Task, progress: Progress) -> None:
    if _once(task):
        raise OSError(errno.ENOSPC, "No space left on device")


def _hang(task: Task, progress: Progress) -> None:
    while True:
        time.sleep(0.05)
        progress.step(0.9, "hanging")


def _deaf(task: Task, progress: Progress) -> None:
    time.sleep(60)


def _silent(task: Task, progress: Progress) -> None:
    # A library that never lets go of the interpreter: no heartbeat comes any more.
    os.kill(os.getpid(), signal.SIGSTOP)


def _greedy(task: Task, progress: Progress) -> None:
    held = np.ones(200 << 17)  # 200 MiB
    time.sleep(0.3)
    progress.step(1.0, str(held[0]))


def _chatty(task: Task, progress: Progress) -> None:
    os.write(1, b"a library that prints to standard output\n")
    progress.warn("The moon is not to scale.")
    progress.warn("The moon is not to scale.")
    progress.preview(np.zeros((48, 64, 3), np.uint8))


def _touch_file(task: Task, progress: Progress) -> None:
    path = task.root / task.files[0].path
    path.write_bytes(path.read_bytes() + b"changed meanwhile")


def _big(task: Task, progress: Progress) -> None:
    with (task.out / "big.bin").open("wb") as file:
        for _ in range(int(task.recipe.get("mib", 8))):
            file.write(os.urandom(1 << 20))


_ACTS: dict[str, Callable[[Task, Progress], None]] = {
    "kill": _kill, "abort": _abort, "fail": _fail, "bug": _bug, "memory": _no_memory,
    "disk": _disk_full, "hang": _hang, "deaf": _deaf, "silent": _silent, "greedy": _greedy,
    "note-kill": _note_and_kill, "note-stop": _note_and_stop, "note-fail": _note_and_fail,
    "chatty": _chatty, "touch": _touch_file, "big": _big,
}  # fmt: skip

STAGES = dict.fromkeys(StageKind, make)
REGISTRY = "toy_stages:STAGES"


def make_judgement(task: Task, progress: Progress) -> None:
    """A shot's report: what its recipe says of its keyframe, broken where that is too low."""
    from fractions import Fraction

    from reelwright.quality import Remedy, ShotReport, Status, Verdict, shot_report_to_json

    make(task, progress)
    value = float(task.recipe["psnr_db"])  # type: ignore[arg-type]
    broken = value < 24
    verdict = Verdict(
        "keyframe_psnr", Status.FAIL if broken else Status.PASSED, "seen", value, 24.0, "frame 8",
        hints=(Remedy.KEYFRAME_AT_MINUS_12, Remedy.DEFLICKER, Remedy.OTHER_SEED) if broken else (),
    )  # fmt: skip
    rate, size = Fraction(12), (64, 64)
    report = ShotReport(task.shot, "toy", 9, rate, size, size, True, True, verdicts=(verdict,))
    (task.out / "shot.json").write_text(json.dumps(shot_report_to_json(report)))


def _no_numbers(task: Task, progress: Progress) -> None:
    raise NumericsError("It ended in no numbers.", "Use another seed.", where=task.id)


_ACTS["numbers"] = _no_numbers


def make_film(task: Task, progress: Progress) -> None:
    """A film's file that is no film, with the facts that publishing reads."""
    make(task, progress)
    output = dict(task.recipe["output"])  # type: ignore[arg-type, call-overload]
    name = film_name(str(output["format"]))
    path = task.out / name
    if "." in name:
        path.write_bytes(_digest_of_inputs(task))
    else:
        path.mkdir()
        (path / "000000.png").write_bytes(_digest_of_inputs(task))
        (path / "reelwright.json").write_text("{}")
    (task.out / "film.json").write_text(json.dumps({"file": name}))
    (task.out / "aside.json").write_text(json.dumps(task.aside))


def make_report(task: Task, progress: Progress) -> None:
    """A report that is no report."""
    make(task, progress)
    (task.out / "report.html").write_text("<p>fine</p>")
    (task.out / "report.json").write_text("{}")


FILM_STAGES = {**STAGES, StageKind.MUX: make_film, StageKind.REPORT: make_report}
FILM_REGISTRY = "toy_stages:FILM_STAGES"
JUDGED_STAGES = {**STAGES, StageKind.QUALITY: make_judgement}
JUDGED_REGISTRY = "toy_stages:JUDGED_STAGES"
FOLDER = str(Path(__file__).parent)


def toy_stage(
    stage_id: str, needs: tuple[PlannedStage, ...] = (), **recipe: object
) -> PlannedStage:
    """A planned stage; its kind is the head of its id."""
    kind = StageKind(stage_id.partition("/")[0])
    full = {"name": stage_id, **recipe}
    return PlannedStage(
        id=stage_id,
        kind=kind,
        recipe=full,
        needs=tuple(each.id for each in needs),
        key=artifact_key(full, [each.key for each in needs]),
        shot=stage_id.partition("/")[2],
        estimate=Estimate(seconds=0.1, modelled_s=0.1, disk_bytes=2 * BYTES),
    )


def toy_plan(
    num_shots: int = 2, changes: dict[str, dict[str, object]] | None = None, **all_: object
) -> Plan:
    """A film of toys: stage -> generate -> finish for each shot, then mix and mux.

    `changes` adds to the recipes of some stages, by id; other words to all of them.
    """
    changes = changes or {}

    def new(stage_id: str, *needs: PlannedStage) -> PlannedStage:
        return toy_stage(stage_id, needs, **{**all_, **changes.get(stage_id, {})})

    stages, finishes = [], []
    for name in [f"s{index}" for index in range(num_shots)]:
        stage = new(f"stage/{name}")
        generate = new(f"generate/{name}", stage)
        finish = new(f"finish/{name}", generate)
        stages += [stage, generate, finish]
        finishes.append(finish)
    mix = new("mix", *finishes)
    mux = new("mux", *finishes, mix)
    ordered = sorted([*stages, mix, mux], key=lambda each: each.kind.order)
    shots = tuple(f"s{index}" for index in range(num_shots))
    return Plan("Toys", "animatic", "animatic", tuple(ordered), shots)
