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
from reelwright.plan.ways import (
    TRY_MARK,
    GuardedShot,
    ShotTries,
    Way,
    added_keyframe,
    frames_beyond,
    ways_for,
)
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
        tries: What was tried for it; None where a clip is what it is.
        ways: The ways of making it otherwise that would change something.
        tried: Id of the clip that is being tried beside it; None for none.
    """

    shot: Shot
    scene: Scene | None
    stage: str | None
    keyframes: str | None
    clip: str
    decoded: Callable[[str], str] | None = None
    tries: ShotTries | None = None
    ways: tuple[Way, ...] = ()
    tried: str | None = None


@dataclass(frozen=True, slots=True)
class ShotStages:
    """Ids of a shot's stages that the film's are made from.

    Attributes:
        shot: The shot.
        stage: Of the chosen take; None where nothing is staged.
        generate: Of the chosen take.
        finish: The clip as it is delivered.
        quality: What is measured of it.
        guarded: What can be tried for it; None where a clip is what it is.
    """

    shot: Shot
    stage: str | None
    generate: str
    finish: str
    quality: str
    guarded: GuardedShot | None = None


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
    return _ShotFinisher(sketch, made).finish(f"finish/animatic/{shot.id}", own_size=True)


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
        plain = {
            take: LearnedClip(
                self.sketch,
                self.shot,
                self.backend,
                TakeInputs(take, scene, stages[take], keyframes[stages[take]]),
                before,
            )
            for take, scene in scenes.items()
        }
        tries = self.sketch.tries_of(self.shot, plain[chosen].first_key())
        kept = self._otherwise(plain[chosen], tries.kept)
        takes = {take: clip.retaken() for take, clip in {**plain, chosen: kept}.items()}
        clips = {take: clip.decoded(self.sketch.tier) for take, clip in takes.items()}
        tried = self._otherwise(plain[chosen], tries.trying, tried=True)
        return ShotClip(
            self.shot, scenes[chosen], stages[chosen], keyframes[stages[chosen]], clips[chosen],
            takes[chosen].decoded,
            tries=tries,
            ways=self._ways(plain[chosen]),
            tried=tried.decoded(self.sketch.tier) if tries.trying else None,
        )  # fmt: skip

    def _ways(self, clip: LearnedClip) -> tuple[Way, ...]:
        """How its clip could be made otherwise; what a person made again is left as it is."""
        if self.shot.retakes:
            return ()
        staged = clip.made_from.stage is not None
        frames, size = self.sketch.film.frames_of(self.shot), self.sketch.size.generated
        return ways_for(clip.choices, frames, self._held(), size, staged=staged)

    def _held(self) -> list[tuple[int, float]]:
        """Frames and strengths of the keyframes, in order of time."""
        num_frames = self.sketch.film.frames_of(self.shot).delivered
        goes_on = self.before is not None
        staged = keyframe_requests(self.shot, num_frames, continues=goes_on)
        own = picture_requests(self.shot, num_frames, continues=goes_on)
        return sorted(
            [*(staged if self.scene is not None else ()), *((at, by) for at, by, _ in own)]
        )

    def _otherwise(self, clip: LearnedClip, name: str, *, tried: bool = False) -> LearnedClip:
        """A clip made another way; by no name, as it is."""
        if not name:
            return clip
        way, made_from, beyond = Way(name), clip.made_from, 0
        if way is Way.KEYFRAME_AT_MINUS_12:
            beyond = frames_beyond(self._held(), self.sketch.film.frames_of(self.shot))
        elif way in (Way.ADD_KEYFRAME, Way.KEYFRAME_STRENGTH_1):
            keyframes = self._keyframes(made_from.stage, way=way)
            made_from = replace(made_from, keyframes=keyframes)
        return replace(clip, made_from=made_from, way=way, tried=tried, beyond=beyond, _decoded={})

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

    def _keyframes(self, stage: str | None, take: int = 0, way: Way | None = None) -> str | None:
        num_frames = self.sketch.film.frames_of(self.shot).delivered
        goes_on = self.backend.weights is not None and self.before is not None
        asked = keyframe_requests(self.shot, num_frames, continues=goes_on)
        requests = asked if stage is not None else ()
        pictures = picture_requests(self.shot, num_frames, continues=goes_on)
        if way is Way.KEYFRAME_STRENGTH_1:
            requests = tuple((frame, 1.0 if by else by) for frame, by in requests)
            pictures = tuple((frame, 1.0 if by else by, file) for frame, by, file in pictures)
        elif way is Way.ADD_KEYFRAME:
            added = added_keyframe(self._held(), self.sketch.film.frames_of(self.shot))
            requests = tuple(sorted([*requests, *([] if added is None else [(added, 1.0)])]))
        if not requests and not pictures:
            return None
        files = [self.sketch.file(name) for _, _, name in pictures]
        own = [(frame, by, use) for (frame, by, _), use in zip(pictures, files, strict=True)]
        size = self.sketch.size
        width, height = size.generated
        number, tag = f"#{take}" if take else "", f"{TRY_MARK}{way}" if way else ""
        return self.sketch.graph.add(
            StageKind.KEYFRAMES,
            f"keyframes/{self.shot.id}{number}{tag}",
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
        name = made.shot.id
        finish = self.finish(f"finish/{name}")
        quality = self._quality(f"quality/{name}", finish)
        guarded = None
        if made.tries is not None:
            tried = "" if made.tried is None else self._try(made.tried, made.tries.trying)
            guarded = GuardedShot(name, made.shot.continues, made.tries, made.ways, quality, tried)
        return ShotStages(made.shot, made.stage, made.clip, finish, quality, guarded)

    def _try(self, clip: str, way: str) -> str:
        """A clip that is tried, finished and judged as the one that is planned."""
        beside = _ShotFinisher(self.sketch, replace(self.made, clip=clip))
        name = f"{self.made.shot.id}{TRY_MARK}{way}"
        return beside._quality(f"quality/{name}", beside.finish(f"finish/{name}"))

    def finish(self, stage_id: str, *, own_size: bool = False) -> str:
        """The clip as it is delivered; in the film's own size, or enlarged as the film is."""
        shot, size = self.made.shot, self.sketch.size
        frames = self.sketch.film.frames_of(shot)
        enlarged = None if own_size else self.sketch.enlarged
        work = self.sketch.delivered(shot)
        if enlarged is not None:
            work = replace(work, width=enlarged.size[0], height=enlarged.size[1])
        return self.sketch.graph.add(
            StageKind.FINISH,
            stage_id,
            lambda settings: recipes.finish_recipe(size, frames.delivered, settings, enlarged),
            cost="link" if size.delivered == size.generated and enlarged is None else "cut",
            needs=[self.made.clip],
            work=replace(work, sound_s=_sound_s(shot)),
            why=Whys.finish(size, frames, enlarged),
            shot=shot.id,
        )

    def _quality(self, stage_id: str, finish: str) -> str:
        shot = self.made.shot
        held_against = [self.made.stage, self.made.keyframes]
        generated = self.sketch.graph.stages[self.made.clip].kind is StageKind.DECODE
        return self.sketch.graph.add(
            StageKind.QUALITY,
            stage_id,
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
