"""The stages of the whole film: mix -> mux -> report."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from reelwright.plan import recipes
from reelwright.plan.capabilities import ANIMATIC
from reelwright.plan.costs import Work
from reelwright.plan.shot_stages import ShotStages, plan_animatic_shot
from reelwright.plan.sketch import Sketch
from reelwright.plan.stages import PlannedStage, StageKind
from reelwright.plan.ways import ShotTries, Way, other_seed
from reelwright.plan.whys import Whys

if TYPE_CHECKING:
    from reelwright.storyboard import Scene, Shot

ANIMATIC_MUX = "mux/animatic"
"""Id of the animatic's file, where it is made beside a film that a model makes."""

_SHOWN = frozenset({"mp4", "mov", "mkv"})


def plan_animatic(sketch: Sketch, scenes: Mapping[str, Scene | None]) -> bool:
    """Add the animatic to the graph, beside a film that a model makes.

    It costs little, since the shots are staged anyway, and shows what the model was given. Of a
    film that stages nothing, or is not written as a video, none is made.

    Args:
        sketch: The film; its shots have been added.
        scenes: What is staged of each shot.

    Returns:
        Whether it was added.
    """
    staged = any(scenes[shot.id] is not None for shot in sketch.shots)
    if sketch.weights is None or not staged or sketch.film.output.format not in _SHOWN:
        return False
    finished = [plan_animatic_shot(sketch, shot, scenes[shot.id]) for shot in sketch.shots]
    planner = _FilmPlanner(sketch, (), ANIMATIC.label)
    planner.mux(ANIMATIC_MUX, planner.mix("mix/animatic", finished), finished, own_size=True)
    return True


def plan_film_stages(sketch: Sketch, shown: Sequence[ShotStages], label: str) -> None:
    """Add the film's own stages to the graph.

    Args:
        sketch: The film; its shots have been added.
        shown: Their stages, in the film's order.
        label: What the film is always called, e.g. `animatic`.
    """
    planner = _FilmPlanner(sketch, tuple(shown), label)
    finished = [each.finish for each in shown]
    mix = planner.mix("mix", finished)
    planner.report(mix, planner.mux("mux", mix, finished))


@dataclass(frozen=True, slots=True)
class _FilmPlanner:
    sketch: Sketch
    shown: tuple[ShotStages, ...]
    label: str

    def mix(self, stage_id: str, finished: Sequence[str]) -> str:
        """The sound of finished clips."""
        film = self.sketch.film
        music = film.music if self.sketch.is_whole else ()
        files = [self.sketch.file(each.file) for each in music]
        starts = [start / film.frame_rate for start in self.sketch.start_frames()]
        return self.sketch.graph.add(
            StageKind.MIX,
            stage_id,
            lambda settings: recipes.mix_recipe(
                film,
                starts=starts,
                music=list(zip(music, files, strict=True)),
                settings=settings,
            ),
            needs=finished,
            work=Work(sound_s=self.sketch.shown().sound_s),
            why=Whys.mix(film, self.sketch.shots, music),
            files=files,
        )

    def mux(
        self, stage_id: str, mix: str, finished: Sequence[str], *, own_size: bool = False
    ) -> str:
        """The file of finished clips; in the film's own size, or enlarged as was asked."""
        from reelwright.storyboard import film_to_toml

        film, work = self.sketch.film, self.sketch.shown()
        enlarged = None if own_size else self.sketch.enlarged
        if enlarged is not None:
            work = replace(work, width=enlarged.size[0], height=enlarged.size[1])
        # The film as such, without a person's comments and layout: those run nothing again.
        plain = hashlib.sha256(film_to_toml(film).encode("utf-8")).hexdigest()
        return self.sketch.graph.add(
            StageKind.MUX,
            stage_id,
            lambda settings: recipes.mux_recipe(
                film,
                label=self.label,
                shots=self.sketch.shots,
                storyboard_sha256=plain,
                settings=settings,
                enlarged=enlarged,
            ),
            cost=film.output.format,
            needs=[*finished, mix],
            work=work,
            why=Whys.mux(film, self.sketch.shots),
            aside={"provenance": self._provenance(mix, finished)},
        )

    def report(self, mix: str, mux: str) -> str:
        """The report looks at the joins of shots that continue one another: at both sides."""
        joined = [each for each in self.shown if self._is_joined(each.shot)]
        stages = [each.stage if each in joined else None for each in self.shown]
        tries = self._tries()
        return self.sketch.graph.add(
            StageKind.REPORT,
            "report",
            lambda settings: recipes.report_recipe(
                self.sketch.film,
                label=self.label,
                shots=list(zip(self.sketch.shots, stages, strict=True)),
                settings=settings,
                tries=tries,
            ),
            needs=[
                *(each.quality for each in self.shown),
                *(each.finish for each in joined),
                *(each.stage for each in joined if each.stage is not None),
                mix,
                mux,
            ],
            work=self.sketch.shown(),
            why=Whys.report(self.sketch.shots),
            aside={
                "seconds": {
                    name: [made.seconds for made in each.made] for name, each in tries.items()
                }
            },
        )

    def _tries(self) -> dict[str, ShotTries]:
        """What was tried of the shots, where anything was."""
        guarded = [each.guarded for each in self.shown if each.guarded is not None]
        return {each.shot: each.tries for each in guarded if each.tries.num_tries}

    def _is_joined(self, shot: Shot) -> bool:
        """Whether it goes on from a planned shot, or a planned shot from it."""
        shots = self.sketch.shots
        names = {each.id for each in shots}
        return shot.continues in names or shot.id in {each.continues for each in shots}

    def _provenance(self, mix: str, finished: Sequence[str]) -> dict[str, Any]:
        """What the film says of how it was made; the storyboard's own text, comments and all.

        Only what the film is made from is in it: what is measured of it does not change it.
        """
        from reelwright.storyboard import shot_seed

        sketch, film = self.sketch, self.sketch.film
        stages = sketch.graph.made_from([mix, *finished])
        return {
            "label": self.label,
            "title": film.title,
            "storyboard": sketch.loaded.text,
            "storyboard_name": sketch.loaded.path.name,
            "plan": {
                "tier": sketch.tier,
                "stages": [_record(stage) for stage in stages],
                "tries": {name: each.to_json() for name, each in self._tries().items()},
            },
            "files": {use.path: use.sha256 for stage in stages for use in stage.files},
            "seeds": {
                shot.id: self._seed(
                    shot_seed(film.seed, shot.id, shot.chosen_take, shot.seed), shot
                )
                for shot in sketch.shots
            },
            "models": self._models(stages),
            "shots": [
                self._shot_record(shot, clip, start)
                for shot, clip, start in zip(
                    sketch.shots, finished, sketch.start_frames(), strict=True
                )
            ],
        }

    def _seed(self, seed: int, shot: Shot) -> int:
        """The seed that a shot's clip was made with."""
        kept = {name: each.kept for name, each in self._tries().items()}
        return other_seed(seed) if kept.get(shot.id) == Way.OTHER_SEED else seed

    def _models(self, stages: Sequence[PlannedStage]) -> list[dict[str, str]]:
        """The weights that took part."""
        if self.sketch.weights is None or not any(stage.weights for stage in stages):
            return []
        facts = self.sketch.weights.to_json()
        return [{"name": str(facts["label"]), "sha256": str(facts["sha256"])}]

    def _shot_record(self, shot: Shot, finished: str, start: int) -> dict[str, Any]:
        (clip,) = self.sketch.graph.stages[finished].needs
        return {
            "id": shot.id,
            "start_frame": start,
            "num_frames": self.sketch.film.frames_of(shot).delivered,
            "label": self.label,
            "take": self.sketch.graph.stages[clip].take,
        }


def _record(stage: PlannedStage) -> dict[str, Any]:
    return {"id": stage.id, "kind": str(stage.kind), "backend": stage.backend, "key": stage.key}
