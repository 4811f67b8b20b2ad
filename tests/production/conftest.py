from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from reelwright.plan import Plan
from reelwright.production import events
from reelwright.production.carrying import Carried, How, carry_out
from reelwright.production.journal import AttemptRow, Journal
from reelwright.production.process import WorkerSettings
from reelwright.production.project import Project
from reelwright.production.remedies import Remedies, Replan
from reelwright.production.workshop import open_workshop

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed processes lose nothing that was written, only power cuts do; fsync costs 4 ms each."""
    monkeypatch.setattr(os, "fsync", lambda fd: None)


@pytest.fixture(autouse=True, scope="module")
def no_weights() -> Iterator[None]:
    """Films are animatics unless a test names weights: whatever is installed here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reelwright.models.installed_weights", lambda: ())
        for name in ("CHECKPOINT", "TEXT_ENCODER", "UPSAMPLER"):
            patch.delenv(f"REELWRIGHT_{name}", raising=False)
        yield


@pytest.fixture(scope="session")
def toys() -> ModuleType:
    """The toy stages, by the name under which the workers import them."""
    return _module("toy_stages")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    return Project.at(root)


@pytest.fixture
def workers(toys: ModuleType, project: Project) -> WorkerSettings:
    return WorkerSettings(
        registry=toys.REGISTRY, threads=1, logs=project.logs, search_path=(toys.FOLDER,)
    )


class Bench:
    """Carries out toy plans in a project and remembers what was said."""

    def __init__(self, project: Project, workers: WorkerSettings) -> None:
        self.project = project
        self.workers = workers
        self.events: list[events.Event] = []
        self.on_event: Callable[[events.Event], None] = lambda event: None

    def emit(self, event: events.Event) -> None:
        self.events.append(event)
        self.on_event(event)

    def run(self, plan: Plan, **how: Any) -> Carried:
        self.events.clear()
        with open_workshop(self.project, "toys.toml", self.emit) as workshop:
            return carry_out(plan, workshop, "toys.toml", How(workers=self.workers, **how))

    def run_judged(self, replan: Replan, bound: int, **how: Any) -> Carried:
        """Carry out a plan whose shots are judged, and tried again where a guard is broken."""
        self.events.clear()
        workers = replace(self.workers, registry=self.workers.registry.replace(
            ":STAGES", ":JUDGED_STAGES"
        ))  # fmt: skip
        with open_workshop(self.project, "toys.toml", self.emit) as workshop:
            plan = replan({})
            remedies = Remedies(
                plan, replan, bound=bound, until=None, store=workshop.store, emit=self.emit
            )
            how_ = How(workers=workers, **how)
            return carry_out(plan, workshop, "toys.toml", how_, remedies=remedies)

    def journal(self) -> tuple[AttemptRow, ...]:
        with Journal(self.project.journal, lambda: (), lambda text: None) as journal:
            return journal.attempts()

    def of(self, kind: type[events.Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def result(self, plan: Plan, stage_id: str) -> bytes:
        """Bytes of a stage's result."""
        from reelwright.production.artifacts import Artifact, ArtifactStore

        found = ArtifactStore(self.project.artifacts).verified(plan.stage(stage_id).key)
        assert isinstance(found, Artifact)
        return (found.folder / "data.bin").read_bytes()


@pytest.fixture
def bench(project: Project, workers: WorkerSettings) -> Bench:
    return Bench(project, workers)


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def small_film() -> ModuleType:
    """The very small real film."""
    return _module("small_film")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of 6 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system needs the right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
