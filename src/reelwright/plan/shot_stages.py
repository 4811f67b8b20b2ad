"""The stages of one shot: assets -> stage -> keyframes -> generate -> finish -> quality.

A shot of words alone has no assets, stage or keyframes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reelwright.plan import recipes
from reelwright.plan.capabilities import Backend
from reelwright.plan.costs import Work
from reelwright.plan.notes import take_note
from reelwright.plan.refusals import backend_of
from reelwright.plan.sketch import Sketch
from reelwright.plan.stages import StageKind
from reelwright.plan.whys import Whys

if TYPE_CHECKING:
    from reelwright.storyboard import Prop, Scene, Shot


@dataclass(frozen=True, slots=True)
class ShotStages:
    """Ids of a shot's stages that the film's are made from.

    Attributes:
        shot: The shot.
        stage: Of the chosen take; None where nothing is staged.
        generate: Of the chosen take.
        finish: The clip as it is delivered.
        quality: What is measured of it.
    """

    shot: Shot
    stage: str | None
    generate: str
    finish: str
    quality: str


def plan_shot(sketch: Sketch, shot: Shot, scene: Scene | None) -> ShotStages:
    """Add a shot's stages to the graph."""
    return _ShotPlanner(
        sketch, shot, scene, backend_of(shot, sketch.film, sketch.capabilities, sketch.tier)
    ).plan()


def keyframe_requests(shot: Shot, num_frames: int) -> tuple[tuple[int, float], ...]:
    """Frames and strengths of a shot's keyframes, in order of time.

    Where the storyboard says nothing of the first or last, it is the first or last frame that is
    shown: what a person wants to look at and approve.

    Args:
        shot: The shot; what it asks for has been let through.
        num_frames: Frames it delivers.
    """
    wanted = {frame: spec.strength for frame, spec in shot.resolved_keyframes(num_frames)}
    if shot.first is None:
        wanted.setdefault(0, 1.0)
    if shot.last is None:
        wanted.setdefault(num_frames - 1, 1.0)
    return tuple(sorted(wanted.items()))


@dataclass(frozen=True, slots=True)
class _ShotPlanner:
    sketch: Sketch
    shot: Shot
    scene: Scene | None
    backend: Backend

    def plan(self) -> ShotStages:
        scenes = {take: self._scene(take) for take in self._takes()}
        chosen = self.shot.chosen_take if self.shot.chosen_take in scenes else min(scenes)
        stages = {take: self._stage(scene, take) for take, scene in scenes.items()}
        keyframes = self._keyframes(stages[chosen])
        clips = {
            take: self._generate(scene, take, stages[take], keyframes)
            for take, scene in scenes.items()
        }
        finish = self._finish(clips[chosen])
        quality = self._quality(finish, stages[chosen])
        return ShotStages(self.shot, stages[chosen], clips[chosen], finish, quality)

    def _takes(self) -> tuple[int, ...]:
        """The takes that are made: one where they would all be alike."""
        asked = self.sketch.takes or self.shot.takes
        chance = self.scene is not None and self.scene.uses_seed
        if self.backend.takes_differ or chance:
            return tuple(sorted({*range(1, asked + 1), self.shot.chosen_take}))
        if asked > 1:
            self.sketch.graph.notes.append(take_note(self.shot.id, asked, self.backend))
        return (1,)

    def _scene(self, take: int) -> Scene | None:
        """The scene of a take: another hand holds the camera."""
        if self.scene is None or not self.scene.uses_seed:
            return self.scene
        from reelwright.storyboard import shot_seed

        seed = shot_seed(self.sketch.film.seed, self.shot.id, take, self.shot.seed)
        return replace(self.scene, seed=seed)

    def _stage(self, scene: Scene | None, take: int) -> str | None:
        if scene is None:
            return None
        props = {placed.prop_name: placed.prop for placed in scene.props}
        assets = [self._asset(name, prop) for name, prop in props.items()]
        own = take if scene.uses_seed else 0
        file_bytes = sum(self.sketch.graph.works[asset].file_bytes for asset in assets)
        return self.sketch.graph.add(
            StageKind.STAGE,
            f"stage/{self.shot.id}#{own}" if own else f"stage/{self.shot.id}",
            lambda settings: recipes.stage_recipe(scene, settings),
            needs=assets,
            work=replace(self.sketch.generated(self.shot), file_bytes=file_bytes),
            why=Whys.stage(scene),
            shot=self.shot.id,
            take=own,
        )

    def _asset(self, name: str, prop: Prop) -> str:
        stage_id = f"{StageKind.ASSETS}/{name}"
        if stage_id in self.sketch.graph.stages:
            return stage_id
        files = self.sketch.prop_files(prop)
        return self.sketch.graph.add(
            StageKind.ASSETS,
            stage_id,
            lambda settings: recipes.asset_recipe(prop, files, settings),
            work=Work(file_bytes=sum(use.identity[1] for use in files)),
            why=Whys.asset(name, prop, files),
            files=files,
        )

    def _keyframes(self, stage: str | None) -> str | None:
        num_frames = self.sketch.film.frames_of(self.shot).delivered
        requests = keyframe_requests(self.shot, num_frames)
        if stage is None or not requests:
            return None
        width, height = self.sketch.size.generated
        return self.sketch.graph.add(
            StageKind.KEYFRAMES,
            f"keyframes/{self.shot.id}",
            lambda settings: recipes.keyframes_recipe(requests, "stage", settings),
            backend="stage",
            needs=[stage],
            work=Work(frames=len(requests), width=width, height=height),
            why=Whys.keyframes(requests),
            shot=self.shot.id,
        )

    def _generate(
        self, scene: Scene | None, take: int, stage: str | None, keyframes: str | None
    ) -> str:
        film, shot = self.sketch.film, self.shot
        files = [self.sketch.file(sound.file) for sound in shot.audio]
        found = {StageKind.STAGE: stage, StageKind.KEYFRAMES: keyframes}
        needs = [found.get(kind) for kind in self.backend.needs]
        return self.sketch.graph.add(
            StageKind.GENERATE,
            f"generate/{shot.id}#{take}",
            lambda settings: recipes.generate_recipe(
                shot,
                backend=self.backend.name,
                label=self.backend.label,
                frames=film.frames_of(shot),
                frame_rate=film.frame_rate,
                size=self.sketch.size,
                scene=scene,
                seed=scene.seed if scene is not None else 0,
                take=take,
                sounds=list(zip(shot.audio, files, strict=True)),
                settings=settings,
            ),
            backend=self.backend.name,
            cost=self.backend.name if scene is not None else "slate",
            needs=[each for each in needs if each is not None],
            work=replace(self.sketch.generated(shot), sound_s=self._sound_s),
            why=Whys.generate(shot, scene, self.backend),
            files=files,
            shot=shot.id,
            take=take,
        )

    def _finish(self, generate: str) -> str:
        size, frames = self.sketch.size, self.sketch.film.frames_of(self.shot)
        return self.sketch.graph.add(
            StageKind.FINISH,
            f"finish/{self.shot.id}",
            lambda settings: recipes.finish_recipe(size, frames.delivered, settings),
            cost="link" if size.delivered == size.generated else "cut",
            needs=[generate],
            work=replace(self.sketch.delivered(self.shot), sound_s=self._sound_s),
            why=Whys.finish(size, frames),
            shot=self.shot.id,
        )

    def _quality(self, finish: str, stage: str | None) -> str:
        return self.sketch.graph.add(
            StageKind.QUALITY,
            f"quality/{self.shot.id}",
            lambda settings: recipes.quality_recipe(self.shot, self.sketch.size, settings),
            needs=[finish] if stage is None else [finish, stage],
            work=self.sketch.delivered(self.shot),
            why=Whys.quality(self.scene),
            shot=self.shot.id,
        )

    @property
    def _sound_s(self) -> float:
        return float(self.shot.seconds) if self.shot.audio else 0.0
