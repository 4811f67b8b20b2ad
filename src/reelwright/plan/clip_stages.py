"""The stages of a clip that a video model makes: prompt -> draft -> refine -> decode.

Must stay true: a draft's key is the same at every tier, so an approved draft is the film. A shot
that goes on from another takes, pass for pass, what that one is at the same tier: its draft goes
on from the other's decoded draft, its second pass from the other's decoded second pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from reelwright.plan import recipes
from reelwright.plan.capabilities import Backend
from reelwright.plan.costs import Work
from reelwright.plan.digests import FileUse
from reelwright.plan.model_settings import ModelChoices, has_second_pass, model_choices
from reelwright.plan.sketch import Sketch
from reelwright.plan.stages import StageKind
from reelwright.plan.ways import TRY_MARK, Way, other_seed
from reelwright.plan.weight_files import WeightFiles, sha256s
from reelwright.plan.whys import Whys
from reelwright.shapes import retaken_frames

if TYPE_CHECKING:
    from reelwright.storyboard import PlacedSound, Scene, Shot

DRAFT, STANDARD, FINAL = "draft", "standard", "final"


@dataclass(frozen=True, slots=True)
class TakeInputs:
    """What a take is made from.

    Attributes:
        take: Its number.
        scene: What is staged of it; None for words alone.
        stage: Id of the staged shot.
        keyframes: Id of the pictures that it passes through.
    """

    take: int
    scene: Scene | None
    stage: str | None
    keyframes: str | None


@dataclass(frozen=True, slots=True)
class LearnedClip:
    """One take of a shot, as a model makes it. Stages are added when they are first asked for.

    Attributes:
        sketch: The film.
        shot: The shot.
        backend: Who makes it.
        made_from: What it is made from.
        before: Ids of the clip that it goes on from, by tier; None where it goes on from none.
        source: The clip of which it makes a range again; None for a clip of its own.
        retakes: How many ranges were made again, this one included.
        way: The way it is made otherwise than the storyboard says; None for as it says.
        tried: Whether it stands beside the clip that is planned, under names of its own.
        beyond: Frames that are made behind the shot's own and cut off.
    """

    sketch: Sketch
    shot: Shot
    backend: Backend
    made_from: TakeInputs
    before: Callable[[str], str] | None
    source: LearnedClip | None = None
    retakes: int = 0
    way: Way | None = None
    tried: bool = False
    beyond: int = 0
    _decoded: dict[str, str] = field(default_factory=dict)

    def retaken(self) -> LearnedClip:
        """The clip with all of its shot's retakes."""
        made = self
        for number, retake in enumerate(self.shot.retakes, 1):
            words = retake.model_dump(include={"prompt", "sound", "dialogue"}, exclude_none=True)
            made = replace(
                made,
                shot=self.shot.model_copy(update=words),
                source=made,
                retakes=number,
                _decoded={},
            )
        return made

    def first_key(self) -> str:
        """Key of its first pass, at every tier the same; the film need not have it."""
        if self.before is not None:
            self.before(DRAFT)  # every way goes on from it
        return self.sketch.graph.key_of(self._draft)

    def decoded(self, tier: str) -> str:
        """Id of its clip at a tier; the film's own has the plain name."""
        tier, own = self._tier(tier), self._tier(self.sketch.tier)
        if tier not in self._decoded:
            name = f"decode/{self._name}"
            self._decoded[tier] = self._decode(name if tier == own else f"{name}-{tier}", tier)
        return self._decoded[tier]

    def _tier(self, tier: str) -> str:
        """With one pass, at full size, a draft is the standard."""
        return STANDARD if tier == DRAFT and not self._has_second_pass else tier

    @property
    def _has_second_pass(self) -> bool:
        return has_second_pass(self._files.weights)

    @property
    def _name(self) -> str:
        return f"{self.shot.id}#{self.made_from.take}{self._mark}{self._tag}"

    @property
    def _tag(self) -> str:
        """What tells a clip that is being tried from the one that is planned.

        What both have in common has two names and one key, and is made once.
        """
        return f"{TRY_MARK}{self.way}" if self.tried and self.way is not None else ""

    @property
    def _mark(self) -> str:
        """What tells a clip of which a range was made again from the one before."""
        return f"~{self.retakes}" if self.retakes else ""

    @property
    def _files(self) -> WeightFiles:
        if self.sketch.weights is None:
            raise ValueError("a model's clip is planned without weights")
        return self.sketch.weights.with_loras(self._own_loras())

    def _own_loras(self) -> list[Any]:
        from reelwright.models import LoraUse

        root = self.sketch.loaded.root
        return [LoraUse(root / each.file, tuple(each.strength)) for each in self.shot.model.loras]

    @property
    def choices(self) -> ModelChoices:
        """What it asks of its model."""
        choices = model_choices(self.shot, self._files.weights, self.made_from.scene is not None)
        if self.way is Way.GUIDANCE_1:
            return replace(choices, guidance=1.0)
        return replace(choices, strength=1.0) if self.way is Way.STRONGER_CONTROL else choices

    def _prompt(self) -> str:
        if self.source is not None and self.source.shot == self.shot:
            return self.source._prompt()
        stage_id = f"prompt/{self.shot.id}{self._mark}{self._tag}"
        if stage_id in self.sketch.graph.stages:
            return stage_id
        if self.sketch.arrange is None:
            raise ValueError("a model's clip is planned without a way to arrange words")
        words = self.sketch.arrange(
            self.sketch.film, self.shot, self.made_from.scene, self._files.weights
        )
        files, choices = self._files, self.choices
        uses = files.words()
        return self.sketch.graph.add(
            StageKind.PROMPT,
            stage_id,
            lambda settings: recipes.prompt_recipe(
                words.text,
                words.negative if choices.is_guided else "",
                weights=sha256s(uses),
                settings=settings,
            ),
            backend=self.backend.name,
            cost=f"{self.backend.name} {self.backend.label}",
            work=Work(file_bytes=files.encoder_bytes(), tera_flops=_reading(files)),
            why=Whys.prompt(words),
            weights=uses,
            shot=self.shot.id,
            aside=self._aside(),
        )

    def _draft(self) -> str:
        stage_id = f"draft/{self._name}"
        if stage_id in self.sketch.graph.stages:
            return stage_id
        files, choices = self._files, self.choices
        uses = files.first_pass()
        before = None if self.before is None or self.source else self.before(DRAFT)
        half = self._has_second_pass
        return self._denoise(
            StageKind.DRAFT,
            stage_id,
            uses=uses,
            needs=[before if self.source is None else self.source._draft()],
            passes=2 if half else 1,
            work=self._denoising(choices, 0, 4 if half else 1),
            why=Whys.draft(self.backend, choices, half=half, continues=before is not None)
            + self._why_retake(),
        )

    def _refine(self) -> str:
        stage_id = f"refine/{self._name}"
        if stage_id in self.sketch.graph.stages:
            return stage_id
        files, choices = self._files, self.choices
        before = None if self.before is None or self.source else self.before(STANDARD)
        kept = () if self.source is None else (self.source._draft(), self.source._refine())
        return self._denoise(
            StageKind.REFINE,
            stage_id,
            uses=files.second_pass(),
            needs=[self._draft(), *kept, before],
            passes=2,
            work=self._denoising(choices, 1, 1),
            why=Whys.refine(choices),
        )

    def _denoise(
        self,
        kind: StageKind,
        stage_id: str,
        *,
        uses: Sequence[FileUse],
        needs: Sequence[str | None],
        passes: int,
        work: Work,
        why: str,
    ) -> str:
        """One pass of the model: the words, what is staged, the pictures, and what it follows."""
        driving = [sound for sound in self.shot.audio if sound.mode == "drive"]
        sounds = self._sounds(driving)
        own = [self.sketch.file(each.file) for each in self.shot.model.loras]
        number = 1 if kind is StageKind.REFINE else 0
        model = {
            **self.choices.to_json(number),
            "passes": passes,
            "loras": self._files.loras(number),
            **({"beyond": self.beyond} if self.beyond else {}),
        }
        found = [self._prompt(), self.made_from.stage, self.made_from.keyframes, *needs]
        return self.sketch.graph.add(
            kind,
            stage_id,
            lambda settings: recipes.pass_recipe(
                kind,
                self._request(sounds),
                model=model,
                weights=sha256s(uses),
                settings=settings,
            ),
            backend=self.backend.name,
            cost=f"{self.backend.name} {self.backend.label}",
            needs=[each for each in found if each is not None],
            work=work,
            why=why,
            files=[*(use for _, use in sounds), *own],
            weights=uses,
            shot=self.shot.id,
            take=self.made_from.take,
            aside=self._aside(),
        )

    def _decode(self, stage_id: str, tier: str) -> str:
        second = self._has_second_pass and tier != DRAFT
        latents = self._refine() if second else self._draft()
        kept = None if self.source is None else self.source.decoded(tier)
        before = None if self.before is None else self.before(tier)
        files = self._files
        uses = files.decode(refined=tier == FINAL)
        sounds = self._sounds(self.shot.audio)
        label = self.backend.label_for(tier)
        enlarged = self.sketch.enlarged
        large = tier == FINAL and enlarged is not None and enlarged.refined
        return self.sketch.graph.add(
            StageKind.DECODE,
            stage_id,
            lambda settings: recipes.decode_recipe(
                self._request(sounds),
                label=label,
                words=(self.shot.sound, self.shot.dialogue),
                weights=sha256s(uses),
                settings=settings,
                other_tiles=self.way is Way.OTHER_TILES,
                large=large,
            ),
            backend=self.backend.name,
            cost=f"{self.backend.name} {self.backend.label}",
            needs=[each for each in (latents, kept, before) if each is not None],
            work=self._decoding(refined=tier == FINAL),
            why=Whys.decode(tier, half=tier == DRAFT, refined=tier == FINAL),
            files=[use for _, use in sounds],
            weights=uses,
            shot=self.shot.id,
            take=self.made_from.take,
            aside=self._aside(refined=tier == FINAL),
        )

    def _request(self, sounds: Sequence[tuple[PlacedSound, FileUse]]) -> dict[str, Any]:
        film, shot, made_from = self.sketch.film, self.shot, self.made_from
        return recipes.request_recipe(
            shot,
            frames=film.frames_of(shot),
            frame_rate=film.frame_rate,
            size=self.sketch.size,
            scene=made_from.scene,
            seed=self._seed(),
            take=made_from.take,
            sounds=sounds,
            retake=self.retaken_frames(),
        )

    def _seed(self) -> int:
        from reelwright.storyboard import shot_seed

        film, shot, take = self.sketch.film, self.shot, self.made_from.take
        own = shot.retakes[self.retakes - 1].seed if self.retakes else shot.seed
        seed = shot_seed(film.seed, f"{shot.id}{self._mark}", take, own)
        return other_seed(seed) if self.way is Way.OTHER_SEED else seed

    def retaken_frames(self) -> tuple[int, int] | None:
        """The frames that are made again, and the one behind; None in a clip of its own."""
        if not self.retakes:
            return None
        film, retake = self.sketch.film, self.shot.retakes[self.retakes - 1]
        return retaken_frames(
            retake.from_s, retake.to_s, film.frames_of(self.shot), film.frame_rate,
            continues=self.before is not None,
        )  # fmt: skip

    def _why_retake(self) -> str:
        frames = self.retaken_frames()
        return "" if frames is None else f" Only frames {frames[0]} to {frames[1] - 1}, again."

    def _sounds(self, placed: Sequence[PlacedSound]) -> list[tuple[PlacedSound, FileUse]]:
        return [(sound, self.sketch.file(sound.file)) for sound in placed]

    def _denoising(self, choices: ModelChoices, number: int, share: int) -> Work:
        """How much there is to do in a pass over so small a share of the full size."""
        work = self.sketch.generated(self.shot)
        work = replace(work, frames=work.frames + self.beyond)
        latent_frames = (work.frames - 1) // 8 + 1
        tokens = latent_frames * work.width * work.height / (32 * 32 * share)
        size = self._files.model_bytes()
        # A weight of two bytes is one multiplication and one addition for each token; attention
        # between tokens overtakes that at some 36,000 of them (the 22 B model's widths).
        flops = size * tokens * choices.evaluations(number) * (1 + tokens / 36_000)
        return replace(work, tera_flops=flops / 1e12, file_bytes=size)

    def _decoding(self, *, refined: bool) -> Work:
        """A refiner's weights, of two bytes, see each fold of 2x2 pixels, as the built-in one's."""
        work = self.sketch.generated(self.shot)
        weights = self._files.weights.refiner if refined else None
        size = 0 if weights is None else self._files.use(weights).identity[1]
        flops = size * work.frames * work.width * work.height / 4
        return replace(work, sound_s=float(self.shot.seconds), tera_flops=flops / 1e12)

    def _aside(self, *, refined: bool = False) -> dict[str, Any]:
        weights = self._files.weights
        refiner = weights.refiner if refined else None
        return {"weights": replace(weights, refiner=refiner).to_json()}


def _reading(files: WeightFiles) -> float:
    """Arithmetic of reading one prompt: each weight once for each of some 1,000 tokens."""
    return files.encoder_bytes() * 1024 / 1e12
