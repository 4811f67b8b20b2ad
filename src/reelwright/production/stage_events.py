"""The events of one stage, from what the scheduler knows of it."""

from __future__ import annotations

from reelwright.errors import ReelwrightError
from reelwright.plan import PlannedStage
from reelwright.production import events
from reelwright.production.artifacts import Artifact
from reelwright.production.task import TaskDone


def started(stage: PlannedStage, attempt: int, why: str) -> events.StageStarted:
    """It begins."""
    return events.StageStarted(
        stage=stage.id,
        kind=str(stage.kind),
        shot=stage.shot,
        device=stage.device,
        attempt=attempt,
        seconds=stage.estimate.seconds,
        why=why,
    )


def finished(
    stage: PlannedStage, done: TaskDone, artifact: Artifact, count: int, total: int
) -> events.StageFinished:
    """It is done, as the `count`th of `total`."""
    return events.StageFinished(
        stage=stage.id,
        kind=str(stage.kind),
        shot=stage.shot,
        key=stage.key,
        path=str(artifact.folder),
        seconds=done.seconds,
        peak_ram_bytes=done.peak_ram_bytes,
        disk_bytes=artifact.manifest.disk_bytes,
        finished=count,
        total=total,
    )


def failed(
    stage: PlannedStage, error: ReelwrightError, *, will_retry: bool = False, trace: str = ""
) -> events.StageFailed:
    """It ended in an error."""
    return events.StageFailed(
        stage=stage.id,
        shot=stage.shot,
        code=error.code,
        what=error.what,
        mend=error.mend,
        where=error.where,
        will_retry=will_retry,
        trace=trace,
    )
