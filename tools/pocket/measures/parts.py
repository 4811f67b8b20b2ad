"""What is measured, in order: for each part a clip is made, judged, and a line is written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

import torch
from tools.pocket.clips import Clip
from tools.pocket.make_pool import facts_of
from tools.pocket.measures import heard, silhouettes, words
from tools.pocket.measures.costs import TIERS, cost_of
from tools.pocket.measures.doubled import LARGE, compared
from tools.pocket.measures.lines import Lines, Values
from tools.pocket.measures.maker import Given, Maker, resized
from tools.pocket.measures.pictures import fade_of, judged, rebuilt, truth_of
from tools.pocket.measures.scenes import FRAMES, SIZE, caption_of, drawn, measured_seeds, staging_of

CASES = {
    "first+last+depth": Given(first=True, last=True, depth=True),
    "first+last": Given(first=True, last=True),
    "first+depth": Given(first=True, depth=True),
    "first": Given(first=True),
}
"""What clips are made from, their caption besides."""

MAIN = "first+last+depth"

_READ_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is measured.

    Attributes:
        clips: Staged clips that are made from first, last and depth.
        seeds: Of noise.
        seeded: Of these clips, how many are made from every seed; the others from the first. What
            differs between seeds is little beside what differs between clips.
        few: Of these clips, how many go through the codec and are made from less.
        captions: Captions of each kind.
        large: Clips of twice the size.
    """

    clips: int = 200
    seeds: int = 3
    seeded: int = 40
    few: int = 30
    captions: int = 24
    large: int = 6


@dataclass(frozen=True, slots=True)
class Job:
    """One line to be written.

    Attributes:
        part: Its kind.
        clip: Seed of the staged clip, or the number of a caption.
        seed: Of the noise.
        run: Measures it.
    """

    part: str
    clip: int
    seed: int
    run: Callable[[], Values]


@dataclass
class Measuring:
    """A run over everything that has no line yet.

    Args:
        maker: What is measured.
        lines: What was measured so far.
        amounts: How much.
    """

    maker: Maker
    lines: Lines
    amounts: Amounts
    clips: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.clips = measured_seeds(self.amounts.clips)

    def run(self, minutes: float, told: Callable[[str], None]) -> bool:
        """Measure until all is done or time is up; whether all is."""
        end = time.monotonic() + 60 * minutes
        for job in self.jobs():
            if self.lines.has(job.part, job.clip, job.seed):
                continue
            if time.monotonic() > end:
                return False
            start, spent = time.monotonic(), time.process_time()
            self.lines.add(job.part, job.clip, job.seed, job.run())
            seconds = f"{time.monotonic() - start:.1f} s ({time.process_time() - spent:.2f} s)"
            told(f"{job.part} {job.clip} {job.seed}: {seconds}")
        return True

    def jobs(self) -> Iterator[Job]:
        """All lines of a whole run: a little of everything first, more of the same later."""
        few = self.clips[: self.amounts.few]
        yield from self._of_clips(few, range(1), whole=True)
        yield from self._of_captions()
        for seed in self.clips[: self.amounts.large]:
            yield Job("twice as large", seed, 0, partial(self._large, seed))
        for number, tier in enumerate(TIERS):
            yield Job(f"cost: {tier}", number, 0, partial(_cost, tier))
        yield from self._of_clips(self.clips[len(few) :], range(1), whole=False)
        seeded = self.clips[: self.amounts.seeded]
        yield from self._of_clips(seeded, range(1, self.amounts.seeds), whole=False)

    def _of_clips(self, clips: Sequence[int], seeds: range, *, whole: bool) -> Iterator[Job]:
        for i, clip in enumerate(clips):
            if i % _READ_AT_ONCE == 0:
                self._read(clips[i : i + _READ_AT_ONCE], seeds)
            if 0 in seeds:
                yield Job("staged", clip, 0, partial(_staged, clip))
            if whole:
                yield Job("codec", clip, 0, partial(self._codec, clip))
                for case in CASES:
                    if case != MAIN:
                        yield Job(case, clip, 0, partial(self._made, clip, case, 0))
                yield Job("colour, depth", clip, 0, partial(self._colored, clip))
            for seed in seeds:
                yield Job(MAIN, clip, seed, partial(self._made, clip, MAIN, seed))

    def _read(self, clips: Sequence[int], seeds: range) -> None:
        missing = [c for c in clips if not all(self.lines.has(MAIN, c, seed) for seed in seeds)]
        self.maker.read([caption_of(clip) for clip in missing])

    def _of_captions(self) -> Iterator[Job]:
        asked = [words.Asked.of(number) for number in range(self.amounts.captions)]
        if not all(self.lines.has(part, a.number) for a in asked for part in ("colour", "shape")):
            told = [a.caption(color, a.shape()) for a in asked for color in a.colors()]
            self.maker.read([*told, *(a.caption(a.color(), a.shape()) for a in asked)])
        for one in asked:
            yield Job("colour", one.number, 0, partial(self._two_colors, one))
        for one in asked:
            yield Job("shape", one.number, 0, partial(self._shape, one))

    def _codec(self, seed: int) -> Values:
        with self.maker.models.video_vae() as vae:
            return dict(rebuilt(vae, drawn(seed)))

    def _made(self, seed: int, case: str, noise: int) -> Values:
        clip = drawn(seed)
        made = self.maker.make_like(clip, CASES[case], noise, caption_of(seed))
        pixels = self.maker.pixels(made)
        row: Values = dict(judged(pixels, clip))
        if case == MAIN and noise == 0:
            row |= self._refined(pixels, clip)
            row |= self._sound(made, clip)
        return row

    def _refined(self, pixels: torch.Tensor, clip: Clip) -> Values:
        """The same after the pixel refiner, reduced to the size it was made at."""
        if self.maker.refiner is None:
            return {}
        small = resized(self.maker.refined(pixels), SIZE)
        return {f"refined_{name}": value for name, value in judged(small, clip).items()}

    def _sound(self, made: Any, clip: Clip) -> Values:
        sound = self.maker.sound(made)
        if sound is None:
            return {}
        wave = sound.wave.numpy()
        place = self.clips.index(int(clip.facts["seed"]))
        other = facts_of(staging_of(self.clips[place - 1]), (1.0, 2.0))
        lags = heard.lags_elsewhere(wave, sound.rate, other)
        return {**heard.heard(wave, sound.rate, clip.facts), "lags_elsewhere": lags}

    def _words(self, text: str, number: int) -> torch.Tensor:
        """A clip of words alone."""
        made = self.maker.make(text, number, size=SIZE, num_frames=FRAMES, frame_rate=24.0)
        return self.maker.pixels(made)

    def _two_colors(self, asked: words.Asked) -> Values:
        colors = asked.colors()
        one, other = (
            self._words(asked.caption(color, asked.shape()), asked.number) for color in colors
        )
        return {"followed": words.both_followed(one, other, colors)}

    def _shape(self, asked: words.Asked) -> Values:
        color, shape = asked.color(), asked.shape()
        pixels = self._words(asked.caption(color, shape), asked.number)
        told = [silhouettes.silhouette(pixels[:, at], color) for at in (0, FRAMES // 2, FRAMES - 1)]
        names = [_shapes().name_of(each) for each in told if each is not None]
        said = max(names, key=names.count) if names else ""
        return {"followed": said == shape, "seen": bool(names), "told_right": _shapes().accuracy}

    def _colored(self, seed: int) -> Values:
        """Depth and a caption with another colour: which word the thing's own hue is nearest to."""
        clip = drawn(seed)
        found = words.recolored(clip, seed)
        if found is None:
            return {}
        number, own_word, caption, word = found
        assert clip.mask is not None
        own = clip.mask == number + 1
        made = self.maker.make_like(clip, Given(depth=True), 0, caption)
        color = words.color_of(self.maker.pixels(made), own)
        true = words.color_of(clip.pixels, own)
        return {
            "followed": words.nearest_word(color) == word,
            "told_right": words.nearest_word(true) == own_word,
        }

    def _large(self, seed: int) -> Values:
        small, large = (drawn(seed, size, motion=False) for size in (SIZE, LARGE))
        return dict(compared(self.maker, small, large, caption_of(seed), 0))


def _staged(seed: int) -> Values:
    clip = drawn(seed)
    fade, truth = fade_of(clip), truth_of(clip)
    return {
        **{f"fade_{name}": value for name, value in fade.items()},
        **{f"true_{name}": value for name, value in truth.items()},
    }


def _cost(tier: str) -> Values:
    return cost_of(tier) or {}


@lru_cache(maxsize=1)
def _shapes() -> silhouettes.Shapes:
    return silhouettes.learned_from_truth()
