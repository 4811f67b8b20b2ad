"""Carries out a plan: artifacts, journal, locks, workers, events; run, stop, resume, change a shot.

The first room that knows them all. The process that the person started plans, schedules and keeps
the books, and never imports torch; stages run in worker processes, where `stages` calls the rooms.
Names are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwright.production.artifacts import Artifact, ArtifactStore, Damage
    from reelwright.production.carrying import Carried, How, carry_out
    from reelwright.production.collecting import CleanResult, clean
    from reelwright.production.events import (
        Event,
        Explained,
        JobCancelled,
        JobFailed,
        JobFinished,
        JobStarted,
        Noted,
        OnEvent,
        RemedyJudged,
        RemedyTried,
        StageFailed,
        StageFinished,
        StagePreview,
        StageSkipped,
        StageStarted,
        StageStep,
        Warned,
        WorkerLost,
        event_json,
        event_name,
        ndjson_to,
    )
    from reelwright.production.executor import Executor
    from reelwright.production.export import export_keyframes, export_stage
    from reelwright.production.job import RenderResult, render
    from reelwright.production.journal import AttemptRow, Journal, Outcome
    from reelwright.production.local import LocalExecutor
    from reelwright.production.manifest import Manifest
    from reelwright.production.one_clip import ClipPicture, clip
    from reelwright.production.packing import pack_film, unpack_film
    from reelwright.production.planning import FilmCheck, FilmPlan, check_film, plan_film
    from reelwright.production.process import WorkerSettings
    from reelwright.production.project import Project
    from reelwright.production.retaking import retake
    from reelwright.production.stop import StopSwitch
    from reelwright.production.task import Task
    from reelwright.production.workshop import Workshop, open_workshop

_HOMES = {
    "artifacts": ("Artifact", "ArtifactStore", "Damage"),
    "carrying": ("Carried", "How", "carry_out"),
    "collecting": ("CleanResult", "clean"),
    "events": (
        "Event",
        "Explained",
        "JobCancelled",
        "JobFailed",
        "JobFinished",
        "JobStarted",
        "Noted",
        "OnEvent",
        "RemedyJudged",
        "RemedyTried",
        "StageFailed",
        "StageFinished",
        "StagePreview",
        "StageSkipped",
        "StageStarted",
        "StageStep",
        "Warned",
        "WorkerLost",
        "event_json",
        "event_name",
        "ndjson_to",
    ),
    "executor": ("Executor",),
    "export": ("export_keyframes", "export_stage"),
    "journal": ("AttemptRow", "Journal", "Outcome"),
    "local": ("LocalExecutor",),
    "manifest": ("Manifest",),
    "one_clip": ("ClipPicture", "clip"),
    "packing": ("pack_film", "unpack_film"),
    "planning": ("FilmCheck", "FilmPlan", "check_film", "plan_film"),
    "process": ("WorkerSettings",),
    "project": ("Project",),
    "job": ("RenderResult", "render"),
    "retaking": ("retake",),
    "stop": ("StopSwitch",),
    "task": ("Task",),
    "workshop": ("Workshop", "open_workshop"),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Artifact",
    "ArtifactStore",
    "AttemptRow",
    "Carried",
    "CleanResult",
    "ClipPicture",
    "Damage",
    "Event",
    "Executor",
    "Explained",
    "FilmCheck",
    "FilmPlan",
    "How",
    "JobCancelled",
    "JobFailed",
    "JobFinished",
    "JobStarted",
    "Journal",
    "LocalExecutor",
    "Manifest",
    "Noted",
    "OnEvent",
    "Outcome",
    "Project",
    "RemedyJudged",
    "RemedyTried",
    "RenderResult",
    "StageFailed",
    "StageFinished",
    "StagePreview",
    "StageSkipped",
    "StageStarted",
    "StageStep",
    "StopSwitch",
    "Task",
    "Warned",
    "WorkerLost",
    "WorkerSettings",
    "Workshop",
    "carry_out",
    "check_film",
    "clean",
    "clip",
    "event_json",
    "event_name",
    "export_keyframes",
    "export_stage",
    "ndjson_to",
    "open_workshop",
    "pack_film",
    "plan_film",
    "render",
    "retake",
    "unpack_film",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
