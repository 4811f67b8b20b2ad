"""Planted faults, each a little stronger than what the table says is found."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import log2
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from reelwright.frames import ArrayFrames
from reelwright.quality import ShotReport, Status, Verdict, measure_clip
from reelwright.quality.filters import gaussian
from reelwright.quality.motion_compensation import warp_planes

Make = Callable[..., Any]
ALARMS = (Status.NOTE, Status.WARN, Status.FAIL)


def of(report: ShotReport, measure: str, subject: str = "") -> Verdict:
    (verdict,) = [v for v in report.verdicts if v.measure == measure and v.subject == subject]
    return verdict


def measured(made: Any, rate: Fraction, *, stage: bool = True, raw: bool = True) -> ShotReport:
    staged = made.stage if stage else None
    return measure_clip(ArrayFrames(made.frames), rate, staged=staged, raw=raw)


def blurred(frame: NDArray[np.uint8], sigma: float) -> NDArray[np.float32]:
    planes = torch.from_numpy(frame.astype(np.float32)).movedim(-1, 0)
    return torch.stack([gaussian(plane, sigma) for plane in planes]).movedim(0, -1).numpy()


def shifted(frame: NDArray[np.uint8], right: float, down: float) -> NDArray[np.float32]:
    planes = torch.from_numpy(frame.astype(np.float32)).movedim(-1, 0)
    motion = torch.tensor([-right, -down]).expand(*frame.shape[:2], 2)
    return warp_planes(planes, motion).movedim(0, -1).numpy()


@pytest.mark.parametrize(("count", "status"), [(1, Status.WARN), (2, Status.FAIL)])
def test_black_frames(shot: Make, rate: Fraction, count: int, status: Status) -> None:
    made = shot("moving")
    frames = made.frames.copy()
    frames[10 : 10 + count] = 3
    verdict = of(measured(made.with_frames(frames), rate), "black")
    assert (verdict.status, verdict.frames) == (status, (10, 9 + count))
    assert verdict.time_s == pytest.approx(10 / 24, abs=1e-3)
    assert verdict.remedy


def test_a_frame_far_darker_than_its_shot_is_black(shot: Make, rate: Fraction) -> None:
    made = shot("moving")
    frames = made.frames.astype(np.float32)
    frames[5] *= 0.12
    assert of(measured(made.with_frames(frames), rate), "black").status is Status.WARN


@pytest.mark.parametrize(("count", "status"), [(1, Status.WARN), (3, Status.FAIL)])
def test_frozen_frames(shot: Make, rate: Fraction, count: int, status: Status) -> None:
    made = shot("moving")
    frames = made.frames.copy()
    frames[12 : 12 + count] = frames[11]
    verdict = of(measured(made.with_frames(frames), rate), "frozen")
    assert (verdict.status, verdict.value) == (status, count)
    assert verdict.frames == (11, 11 + count)


def test_one_repeated_frame_is_only_noted_after_an_encoder(shot: Make, rate: Fraction) -> None:
    made = shot("moving")
    frames = made.frames.copy()
    frames[12] = frames[11]
    report = measured(made.with_frames(frames), rate, raw=False)
    assert of(report, "frozen").status is Status.NOTE


def test_a_picture_that_never_moves_is_frozen_throughout(shot: Make, rate: Fraction) -> None:
    made = shot("moving")
    frames = np.repeat(made.frames[:1], len(made.frames), axis=0)
    verdict = of(measured(made.with_frames(frames), rate), "frozen")
    assert verdict.status is Status.FAIL
    assert "hardly moves" in verdict.message


def test_repeated_frames_without_a_stage(shot: Make, rate: Fraction) -> None:
    made = shot("moving")
    frames = made.frames.copy()
    frames[12] = frames[11]
    report = measured(made.with_frames(frames), rate, stage=False)
    assert of(report, "frozen_plain").status is Status.WARN
    frames = made.frames.copy()
    frames[20:] = frames[19]
    stopped = measured(made.with_frames(frames), rate, stage=False)
    assert of(stopped, "frozen_plain").value == 5
    still = measured(shot("static", grain=0.0, wobble=0.0, num_frames=6), rate, stage=False)
    assert of(still, "frozen_plain").status is Status.NOT_JUDGED


def test_a_camera_that_eases_in_and_out_repeats_no_frame(rate: Fraction) -> None:
    from reelwright.quality.frozen import frozen_plain_verdict

    pace = np.sin(np.linspace(0, np.pi, 60)) ** 2 * 3 + 0.01
    assert frozen_plain_verdict(pace.tolist(), rate).status is Status.PASSED
    pace[30] = 0.02
    assert frozen_plain_verdict(pace.tolist(), rate).frames == (30, 31)


@pytest.mark.parametrize(
    ("size", "status"), [(1.4, Status.NOTE), (4, Status.WARN), (12, Status.FAIL)]
)
def test_a_flash(shot: Make, rate: Fraction, size: float, status: Status) -> None:
    made = shot("moving")
    frames = made.frames * 0.8
    rng = np.random.default_rng(0)
    frames[9] += np.floor(size + rng.random(frames[9].shape[:2]))[..., None]
    report = measured(made.with_frames(frames), rate)
    assert of(report, "flash").status is status
    assert of(report, "flash").frames == (9, 9)
    assert of(report, "flicker").status is Status.PASSED


def test_a_lasting_step_is_no_flash(shot: Make, rate: Fraction) -> None:
    made = shot("moving")
    frames = made.frames * 0.8
    frames[14:] += 3
    report = measured(made.with_frames(frames), rate)
    assert of(report, "level_step").status is Status.WARN
    assert of(report, "level_step").frames == (13, 14)
    assert of(report, "flash").status is Status.PASSED


def test_flashing_that_can_cause_seizures(shot: Make, rate: Fraction) -> None:
    made = shot("static")
    frames = made.frames * 0.5
    frames[::4] = made.frames[::4]
    verdict = of(measured(made.with_frames(frames), rate), "flashes")
    assert verdict.status is Status.FAIL
    assert "seizures" in verdict.remedy
    frames = made.frames * 0.5
    frames[12:16] = made.frames[12:16]
    slow = of(measured(made.with_frames(frames), rate), "flashes")
    assert (slow.status, slow.value) == (Status.PASSED, 1)


def test_a_bad_frame(shot: Make, rate: Fraction) -> None:
    made = shot("moving")
    frames = made.frames.copy()
    frames[15] = blurred(frames[15], 3.0)
    frames[15, 20:80, 30:120] = made.frames[15, 60:120, 100:190]
    report = measured(made.with_frames(frames), rate)
    verdict = of(report, "bad_frame")
    assert verdict.status in (Status.WARN, Status.FAIL)
    assert verdict.frames in ((14, 15), (15, 16))


def test_a_frame_of_another_shot_without_a_stage(shot: Make, rate: Fraction) -> None:
    made = shot("moving")
    frames = made.frames.copy()
    frames[15] = shot("fast").frames[3]
    report = measured(made.with_frames(frames), rate, stage=False)
    assert of(report, "bad_frame_plain").status is Status.WARN
    assert report.worst[0].frame in (14, 15)
    assert report.worst[0].drop_db > 10


def test_flicker_of_the_whole_picture(shot: Make, rate: Fraction) -> None:
    made = shot("moving")
    gain = 1 + np.random.default_rng(3).normal(0, 0.0125, (len(made.frames), 1, 1, 1))
    frames = made.frames * 0.9 * gain
    report = measured(made.with_frames(frames), rate)
    assert of(report, "flicker").status is Status.FAIL
    plain = measured(made.with_frames(frames), rate, stage=False)
    assert of(plain, "flicker_plain").status in (Status.WARN, Status.FAIL)


def test_flicker_of_a_part(shot: Make, rate: Fraction) -> None:
    made = shot("moving")
    frames = made.frames * 0.9
    wave = np.random.default_rng(4).normal(0, 6, (len(frames), 1, 1, 1))
    frames[:, 85:130, 90:150] += wave
    verdict = of(measured(made.with_frames(frames), rate), "local_flicker")
    assert verdict.status in (Status.WARN, Status.FAIL)
    assert "at the bottom" in verdict.message


@pytest.mark.parametrize("speed", [0.6, 1.5])
def test_the_wrong_speed(shot: Make, rate: Fraction, speed: float) -> None:
    made = shot("fast", num_frames=13, speed=speed)
    verdict = of(measured(made, rate), "speed")
    assert verdict.status in (Status.WARN, Status.FAIL)
    assert verdict.value == pytest.approx(abs(log2(speed)), abs=0.15)


def test_blur_at_the_end(shot: Make, rate: Fraction) -> None:
    made = shot("static")
    frames = made.frames.astype(np.float32)
    for index in range(11, len(frames)):
        frames[index] = blurred(made.frames[index], 0.7)
    verdict = of(measured(made.with_frames(frames), rate), "sharpness")
    assert verdict.status in (Status.WARN, Status.FAIL)
    assert verdict.frames == (13, 24)


def test_what_the_stage_itself_loses_in_sharpness_is_no_fault(shot: Make, rate: Fraction) -> None:
    from reelwright.quality.sharpness import sharpness_verdict

    bands = [1.0] * 8 + [0.5] * 5
    stage = {0: 0.8, 4: 0.8, 8: 0.8, 16: 0.4, 20: 0.4, 24: 0.4}
    assert sharpness_verdict(bands, 25, rate, None).status is Status.FAIL
    assert sharpness_verdict(bands, 25, rate, None, stage).status is Status.PASSED
    softer = {frame: 1 / band for frame, band in stage.items()}
    assert sharpness_verdict(bands, 25, rate, None, softer).status is Status.FAIL


def test_slow_drift(shot: Make, rate: Fraction) -> None:
    made = shot("moving")
    ramp = np.linspace(1, 0.9, len(made.frames))[:, None, None, None]
    verdict = of(measured(made.with_frames(made.frames * ramp), rate), "drift")
    assert verdict.status in (Status.WARN, Status.FAIL)
    assert "darker" in verdict.message
