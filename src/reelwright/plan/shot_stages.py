"""The stages of one shot: assets -> stage -> keyframes -> its clip -> finish -> quality.

The clip is the animatic's `generate`, or a video model's stages (see `clip_stages`). A shot of
words alone has no assets and no stage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reelwright.plan import recipes
from reelwright.plan.capabilities import ANIMATIC, Backend
from reelwright.plan.clip_stages import LearnedClip, TakeInputs
from reelwright.plan.costs import Work
from reelwright.plan.notes import take_note
from reelwright.plan.refusals import backend_of
from reelwright.plan.sketch import Sketch
from reelwright.plan.stages import StageKind
from reelwright.plan.whys import Whys

if TYPE_CHECKING:
    from reelwright.storyboard import KeyframeSpec, Prop, Scene, Shot


@dataclass(frozen=True, slots=True)
class ShotClip:
    """A shot's clip, planned.

    Attributes:
        shot: The shot.
        scene: What is staged of it.
        stage: Id of the staged shot; None where nothing is staged.
        keyframes: Id of the pictures that a model passes through; None where none does.
        clip: Id of the clip.
        decoded: The clip at another tier, for shots that go on from this one: id by tier.
    """

    shot: Shot
    scene: Scene | None
    stage: str | None
    keyframes: str | None
    clip: str
    decoded: Callable[[str], str] | None = None


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


def plan_clip(sketch: Sketch, shot: Shot, scene: Scene | None, before: ShotClip | None) -> ShotClip:
    """Add the stages of a shot's clip to the graph.

    Args:
        sketch: The film.
        shot: The shot.
        scene: What is staged of it.
        before: The clip that it goes on from; None where it continues none.
    """
    backend = backend_of(shot, sketch.film, sketch.capabilities, sketch.tier)
    return _ShotPlanner(sketch, shot, scene, backend, before).plan()


def plan_finish(sketch: Sketch, made: ShotClip) -> ShotStages:
    """Add what is made of a shot's clip to the graph."""
    return _ShotFinisher(sketch, made).plan()


def plan_animatic_shot(sketch: Sketch, shot: Shot, scene: Scene | None) -> str:
    """Add a shot's clip as the animatic has it, beside the one that a model makes.

    Returns:
        Id of the finished clip.
    """
    planner = _ShotPlanner(sketch, shot, scene, ANIMATIC, None)
    take = shot.chosen_take if scene is not None and scene.uses_seed else 1
    scene = planner.scene_of(take)
    clip = planner.generate(scene, take, planner.stage(scene, take), None)
    made = ShotClip(shot, scene, None, None, clip)
    return _ShotFinisher(sketch, made).finish(f"finish/animatic/{shot.id}")


def keyframe_requests(
    shot: Shot, num_frames: int, *, continues: bool = False
) -> tuple[tuple[int, float], ...]:
    """Frames and strengths of a shot's staged keyframes, in order of time.

    Where the storyboard says nothing of the first or last, it is the first or last frame that is
    shown: what a person wants to look at and approve.

    Args:
        shot: The shot; what it asks for has been let through.
        num_frames: Frames it delivers.
        continues: It goes on from another clip, which wins over its `first`.
    """
    specs = _keyframe_specs(shot, num_frames, continues=continues)
    wanted = {frame: spec.strength for frame, spec in specs if spec.picture is None}
    taken = {frame for frame, _ in specs}
    if shot.first is None and not continues and 0 not in taken:
        wanted[0] = 1.0
    if shot.last is None and num_frames - 1 not in taken:
        wanted.setdefault(num_frames - 1, 1.0)
    return tuple(sorted(wanted.items()))


def picture_requests(
    shot: Shot, num_frames: int, *, continues: bool = False
) -> tuple[tuple[int, float, str], ...]:
    """Frames, strengths and files of the keyframes that are a person's pictures."""
    specs = _keyframe_specs(shot, num_frames, continues=continues)
    return tuple((frame, spec.strength, spec.picture) for frame, spec in specs if spec.picture)


def _keyframe_specs(
    shot: Shot, num_frames: int, *, continues: bool
) -> list[tuple[int, KeyframeSpec]]:
    found = shot.resolved_keyframes(num_frames)
    return [(frame, spec) for frame, spec in found if not (continues and spec is shot.first)]


@dataclass(frozen=True, slots=True)
class _ShotPlanner:
    sketch: Sketch
    shot: Shot
    scene: Scene | None
    backend: Backend
    before: ShotClip | None

    def plan(self) -> ShotClip:
        scenes = {take: self.scene_of(take) for take in self._takes()}
        chosen = self.shot.chosen_take if self.shot.chosen_take in scenes else min(scenes)
        stages = {take: self.stage(scene, take) for take, scene in scenes.items()}
        if self.backend.weights is not None:
            return self._learned(scenes, stages, chosen)
        keyframes = self._keyframes(stages[chosen])
        clips = {
            take: self.generate(scene, take, stages[take], keyframes)
            for take, scene in scenes.items()
        }
        return ShotClip(self.shot, scenes[chosen], stages[chosen], None, clips[chosen])

    def _learned(
        self, scenes: dict[int, Scene | None], stages: dict[int, str | None], chosen: int
    ) -> ShotClip:
        """The clips of a video model: another hand at the camera has keyframes of its own."""
        keyframes: dict[str | None, str | None] = {}
        for take in (chosen, *scenes):
            if stages[take] not in keyframes:
                keyframes[stages[take]] = self._keyframes(
                    stages[take], 0 if take == chosen else take
                )
        before = None if self.before is None else self.before.decoded
        takes = {
            take: LearnedClip(
                self.sketch,
                self.shot,
                self.backend,
                TakeInputs(take, scene, stages[take], keyframes[stages[take]]),
                before,
            )
            for take, scene in scenes.items()
        }
        clips = {take: clip.decoded(self.sketch.tier) for take, clip in takes.items()}
        return ShotClip(
            self.shot, scenes[chosen], stages[chosen], keyframes[stages[chosen]], clips[chosen],
            takes[chosen].decoded,
        )  # fmt: skip

    def _takes(self) -> tuple[int, ...]:
        """The takes that are made: one where they would all be alike."""
        asked = self.sketch.takes or self.shot.takes
        chance = self.scene is not None and self.scene.uses_seed
        if self.backend.takes_differ or chance:
            return tuple(sorted({*range(1, asked + 1), self.shot.chosen_take}))
        if asked > 1:
            self.sketch.graph.notes.append(take_note(self.shot.id, asked, self.backend))
        return (1,)

    def scene_of(self, take: int) -> Scene | None:
        """The scene of a take: another hand holds the camera."""
        if self.scene is None or not self.scene.uses_seed:
            return self.scene
        from reelwright.storyboard import shot_seed

        seed = shot_seed(self.sketch.film.seed, self.shot.id, take, self.shot.seed)
        return replace(self.scene, seed=seed)

    def stage(self, scene: Scene | None, take: int) -> str | None:
        """The staged shot of a take."""
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

    def _keyframes(self, stage: str | None, take: int = 0) -> str | None:
        num_frames = self.sketch.film.frames_of(self.shot).delivered
        goes_on = self.backend.weights is not None and self.before is not None
        asked = keyframe_requests(self.shot, num_frames, continues=goes_on)
        requests = asked if stage is not None else ()
        pictures = picture_requests(self.shot, num_frames, continues=goes_on)
        if not requests and not pictures:
            return None
        files = [self.sketch.file(name) for _, _, name in pictures]
        own = [(frame, by, use) for (frame, by, _), use in zip(pictures, files, strict=True)]
        size = self.sketch.size
        width, height = size.generated
        return self.sketch.graph.add(
            StageKind.KEYFRAMES,
            f"keyframes/{self.shot.id}#{take}" if take else f"keyframes/{self.shot.id}",
            lambda settings: recipes.keyframes_recipe(requests, "stage", settings, own, size),
            backend="stage",
            needs=[stage] if stage is not None and requests else [],
            work=Work(frames=len(requests) + len(own), width=width, height=height),
            why=Whys.keyframes(requests, own),
            files=files,
            shot=self.shot.id,
            take=take,
        )

    def generate(
        self, scene: Scene | None, take: int, stage: str | None, keyframes: str | None
    ) -> str:
        """The clip of a backend that needs no weights.

        Beside a model's film, a sound that drives the model is simply heard.
        """
        film, shot = self.sketch.film, self.shot
        files = [self.sketch.file(sound.file) for sound in shot.audio]
        heard = [
            sound.model_copy(update={"mode": "mix"}) if sound.mode == "drive" else sound
            for sound in shot.audio
        ]
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
                sounds=list(zip(heard, files, strict=True)),
                settings=settings,
            ),
            backend=self.backend.name,
            cost=self.backend.name if scene is not None else "slate",
            needs=[each for each in needs if each is not None],
            work=replace(self.sketch.generated(shot), sound_s=_sound_s(shot)),
            why=Whys.generate(shot, scene, self.backend),
            files=files,
            shot=shot.id,
            take=take,
        )


@dataclass(frozen=True, slots=True)
class _ShotFinisher:
    sketch: Sketch
    made: ShotClip

    def plan(self) -> ShotStages:
        made = self.made
        finish = self.finish(f"finish/{made.shot.id}")
        quality = self._quality(finish)
        return ShotStages(made.shot, made.stage, made.clip, finish, quality)

    def finish(self, stage_id: str) -> str:
        """The clip as it is delivered."""
        shot, size = self.made.shot, self.sketch.size
        frames = self.sketch.film.frames_of(shot)
        return self.sketch.graph.add(
            StageKind.FINISH,
            stage_id,
            lambda settings: recipes.finish_recipe(size, frames.delivered, settings),
            cost="link" if size.delivered == size.generated else "cut",
            needs=[self.made.clip],
            work=replace(self.sketch.delivered(shot), sound_s=_sound_s(shot)),
            why=Whys.finish(size, frames),
            shot=shot.id,
        )

    def _quality(self, finish: str) -> str:
        shot = self.made.shot
        held_against = [self.made.stage, self.made.keyframes]
        generated = self.sketch.graph.stages[self.made.clip].kind is StageKind.DECODE
        return self.sketch.graph.add(
            StageKind.QUALITY,
            f"quality/{shot.id}",
            lambda settings: recipes.quality_recipe(
                shot, self.sketch.size, settings, generated=generated
            ),
            needs=[finish, *(each for each in held_against if each is not None)],
            work=self.sketch.delivered(shot),
            why=Whys.quality(self.made.scene),
            shot=shot.id,
        )


def _sound_s(shot: Shot) -> float:
    return float(shot.seconds) if shot.audio else 0.0
