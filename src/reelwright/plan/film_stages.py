"""The stages of the whole film: mix -> mux -> report."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelwright.plan import recipes
from reelwright.plan.costs import Work
from reelwright.plan.shot_stages import ShotStages
from reelwright.plan.sketch import Sketch
from reelwright.plan.stages import PlannedStage, StageKind
from reelwright.plan.whys import Whys

if TYPE_CHECKING:
    from reelwright.storyboard import Shot


def plan_film_stages(sketch: Sketch, shown: Sequence[ShotStages], label: str) -> None:
    """Add the film's own stages to the graph.

    Args:
        sketch: The film; its shots have been added.
        shown: Their stages, in the film's order.
        label: What the film is always called, e.g. `animatic`.
    """
    planner = _FilmPlanner(sketch, tuple(shown), label)
    mix = planner.mix()
    planner.report(mix, planner.mux(mix))


@dataclass(frozen=True, slots=True)
class _FilmPlanner:
    sketch: Sketch
    shown: tuple[ShotStages, ...]
    label: str

    def mix(self) -> str:
        film = self.sketch.film
        music = film.music if self.sketch.is_whole else ()
        files = [self.sketch.file(each.file) for each in music]
        starts = [start / film.frame_rate for start in self.sketch.start_frames()]
        return self.sketch.graph.add(
            StageKind.MIX,
            "mix",
            lambda settings: recipes.mix_recipe(
                film,
                starts=starts,
                music=list(zip(music, files, strict=True)),
                settings=settings,
            ),
            needs=[each.finish for each in self.shown],
            work=Work(sound_s=self.sketch.shown().sound_s),
            why=Whys.mix(film, self.sketch.shots, music),
            files=files,
        )

    def mux(self, mix: str) -> str:
        from reelwright.storyboard import film_to_toml

        film = self.sketch.film
        # The film as such, without a person's comments and layout: those run nothing again.
        plain = hashlib.sha256(film_to_toml(film).encode("utf-8")).hexdigest()
        return self.sketch.graph.add(
            StageKind.MUX,
            "mux",
            lambda settings: recipes.mux_recipe(
                film,
                label=self.label,
                shots=self.sketch.shots,
                storyboard_sha256=plain,
                settings=settings,
            ),
            cost=film.output.format,
            needs=[*(each.finish for each in self.shown), mix],
            work=self.sketch.shown(),
            why=Whys.mux(film, self.sketch.shots),
            aside={"provenance": self._provenance(mix)},
        )

    def report(self, mix: str, mux: str) -> str:
        """The report looks at the joins of shots that continue one another: at both sides."""
        joined = [each for each in self.shown if self._is_joined(each.shot)]
        stages = [each.stage if each in joined else None for each in self.shown]
        return self.sketch.graph.add(
            StageKind.REPORT,
            "report",
            lambda settings: recipes.report_recipe(
                self.sketch.film,
                label=self.label,
                shots=list(zip(self.sketch.shots, stages, strict=True)),
                settings=settings,
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
        )

    def _is_joined(self, shot: Shot) -> bool:
        """Whether it goes on from a planned shot, or a planned shot from it."""
        shots = self.sketch.shots
        names = {each.id for each in shots}
        return shot.continues in names or shot.id in {each.continues for each in shots}

    def _provenance(self, mix: str) -> dict[str, Any]:
        """What the film says of how it was made; the storyboard's own text, comments and all.

        Only what the film is made from is in it: what is measured of it does not change it.
        """
        from reelwright.storyboard import shot_seed

        sketch, film = self.sketch, self.sketch.film
        stages = sketch.graph.made_from([mix, *(each.finish for each in self.shown)])
        return {
            "label": self.label,
            "title": film.title,
            "storyboard": sketch.loaded.text,
            "storyboard_name": sketch.loaded.path.name,
            "plan": {"tier": sketch.tier, "stages": [_record(stage) for stage in stages]},
            "files": {use.path: use.sha256 for stage in stages for use in stage.files},
            "seeds": {
                shot.id: shot_seed(film.seed, shot.id, shot.chosen_take, shot.seed)
                for shot in sketch.shots
            },
            "shots": [
                self._shot_record(each, start)
                for each, start in zip(self.shown, sketch.start_frames(), strict=True)
            ],
        }

    def _shot_record(self, each: ShotStages, start: int) -> dict[str, Any]:
        return {
            "id": each.shot.id,
            "start_frame": start,
            "num_frames": self.sketch.film.frames_of(each.shot).delivered,
            "label": self.label,
            "take": self.sketch.graph.stages[each.generate].take,
        }


def _record(stage: PlannedStage) -> dict[str, Any]:
    return {"id": stage.id, "kind": str(stage.kind), "backend": stage.backend, "key": stage.key}
