"""Keyframes: reached, displaced, recoloured, with an object gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from reelwright.errors import AssetError
from reelwright.frames import ArrayFrames
from reelwright.quality import Remedy, Status, Verdict, measure_clip
from reelwright.quality.keyframe_match import phase_shift, ssim_map
from reelwright.shapes import generation_size

SIZE = (480, 272)
MEASURES = (
    "keyframe_shift",
    "keyframe_color",
    "keyframe_block",
    "keyframe_ssim",
    "keyframe_psnr",
    "keyframe_mean_ssim",
)


@dataclass(frozen=True)
class Key:
    image: Path
    frame: int
    strength: float = 1.0


@pytest.fixture
def verdicts(
    shot: Callable[..., Any], rate: Fraction, tmp_path: Path
) -> Callable[..., dict[str, Verdict]]:
    made = shot("static", size=SIZE, num_frames=3)

    def judge(
        picture: NDArray[Any],
        *,
        frame: int = 2,
        raw: bool = True,
        strength: float = 1.0,
        **more: Any,
    ) -> dict[str, Verdict]:
        path = tmp_path / "key.png"
        Image.fromarray(np.clip(np.rint(picture), 0, 255).astype(np.uint8)).save(path)
        keys = [Key(path, frame, strength)]
        report = measure_clip(ArrayFrames(made.frames), rate, keyframes=keys, raw=raw, **more)
        return {v.measure: v for v in report.verdicts if v.subject == f"frame {frame}"}

    return judge


@pytest.fixture
def key(shot: Callable[..., Any]) -> NDArray[np.float32]:
    """The picture of the last frame, with grain of its own."""
    made = shot("static", size=SIZE, num_frames=3, grain=0.0)
    grain = np.random.default_rng(9).normal(0, 1, (SIZE[1], SIZE[0], 1))
    return np.asarray(made.frames[2] + grain, np.float32)


def test_a_keyframe_that_is_reached_passes(verdicts: Any, key: Any) -> None:
    found = verdicts(key)
    assert set(found) == set(MEASURES)
    assert {verdict.status for verdict in found.values()} == {Status.PASSED}


def test_a_displaced_keyframe(verdicts: Any, key: Any) -> None:
    found = verdicts(np.roll(key, (0, 3), axis=(0, 1)))
    assert found["keyframe_shift"].status is Status.WARN
    assert found["keyframe_shift"].value == pytest.approx(100 * 3 / 272, abs=0.15)
    assert found["keyframe_color"].status is Status.PASSED


def test_another_colour(verdicts: Any, key: Any) -> None:
    found = verdicts(key * np.array([1.03, 1.0, 0.96]))
    assert found["keyframe_color"].status in (Status.WARN, Status.FAIL)
    assert found["keyframe_shift"].status is Status.PASSED


def test_an_object_that_is_gone(verdicts: Any, shot: Callable[..., Any]) -> None:
    without = shot("static", size=SIZE, num_frames=3, missing=3).frames[2]
    found = verdicts(without.astype(np.float32))
    assert found["keyframe_block"].status is Status.FAIL
    assert "% from the left" in found["keyframe_block"].message
    assert found["keyframe_ssim"].status in (Status.WARN, Status.FAIL)


def test_a_blurred_keyframe_loses_structure(verdicts: Any, key: Any) -> None:
    from reelwright.quality.filters import gaussian

    planes = torch.from_numpy(key).movedim(-1, 0)
    soft = torch.stack([gaussian(plane, 5.0) for plane in planes]).movedim(0, -1).numpy()
    assert verdicts(soft)["keyframe_ssim"].status in (Status.WARN, Status.FAIL)


def test_another_picture_is_not_called_a_shift(verdicts: Any) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (SIZE[1], SIZE[0], 3))
    found = verdicts(noise)
    assert found["keyframe_shift"].status is Status.NOT_JUDGED
    assert found["keyframe_block"].status is Status.FAIL


def test_more_room_after_an_encoder(verdicts: Any, key: Any) -> None:
    tinted = key * np.array([1.012, 1.0, 0.985])
    assert verdicts(tinted)["keyframe_color"].status is Status.WARN
    assert verdicts(tinted, raw=False)["keyframe_color"].status is Status.PASSED


def test_psnr_and_structure_of_every_keyframe(verdicts: Any, key: Any) -> None:
    noise = np.random.default_rng(4).normal(0, 8, key.shape)
    found = verdicts(key + noise)
    psnr = found["keyframe_psnr"]
    assert psnr.value == pytest.approx(31.9, abs=0.6)  # luma of three independent channels
    assert psnr.status is Status.WARN
    assert found["keyframe_mean_ssim"].value < 0.95
    assert verdicts(key)["keyframe_mean_ssim"].status is Status.PASSED


def test_a_generated_clip_is_given_the_room_of_its_codec(verdicts: Any, key: Any) -> None:
    noise = np.random.default_rng(4).normal(0, 8, key.shape)
    assert verdicts(key + noise, generated=True)["keyframe_psnr"].status is Status.PASSED
    tinted = verdicts(key * np.array([1.03, 1.0, 0.96]), generated=True)
    assert tinted["keyframe_color"].status in (Status.WARN, Status.FAIL)


def test_a_weak_keyframe_asks_for_less(verdicts: Any, key: Any) -> None:
    tinted = key * np.array([1.012, 1.0, 0.985])
    assert verdicts(tinted)["keyframe_color"].status is Status.WARN
    assert verdicts(tinted, strength=0.6)["keyframe_color"].status is Status.PASSED
    likeness = verdicts(tinted, strength=0.3)
    assert {verdict.status for verdict in likeness.values()} == {Status.NOT_JUDGED}
    assert likeness["keyframe_psnr"].value is not None


def test_only_the_last_keyframe_can_move_to_minus_12(verdicts: Any, key: Any) -> None:
    last = verdicts(key * 0.8)["keyframe_color"]
    assert last.hints == (Remedy.KEYFRAME_AT_MINUS_12, Remedy.OTHER_SEED)
    weak = verdicts(key * 0.8, strength=0.9)["keyframe_color"]
    assert Remedy.KEYFRAME_STRENGTH_1 in weak.hints
    middle = verdicts(key * 0.8, frame=1)["keyframe_color"]
    assert middle.hints == (Remedy.OTHER_SEED,)
    assert "-12" not in middle.remedy


def test_a_keyframe_in_what_was_trimmed_is_not_judged(verdicts: Any, key: Any) -> None:
    found = verdicts(key, frame=8)
    assert {verdict.status for verdict in found.values()} == {Status.NOT_JUDGED}
    assert "trimmed" in found["keyframe_shift"].message


def test_a_keyframe_of_the_generated_size_is_cut_like_the_shot(
    shot: Callable[..., Any], rate: Fraction, tmp_path: Path
) -> None:
    made = shot("static", size=(512, 320), num_frames=3)
    size = generation_size((480, 270))
    assert size.generated == (512, 320)
    left, top, right, bottom = size.crop_box
    Image.fromarray(made.frames[2]).save(tmp_path / "key.png")
    report = measure_clip(
        ArrayFrames(made.frames[:, top:bottom, left:right]),
        rate,
        staged=made.stage,
        size=size,
        keyframes=[Key(tmp_path / "key.png", 2)],
    )
    found = [v for v in report.verdicts if v.subject == "frame 2"]
    assert {verdict.status for verdict in found} == {Status.PASSED}
    assert report.measured_size == (480, 270)


def test_a_picture_that_cannot_be_read_is_refused(
    shot: Callable[..., Any], rate: Fraction, tmp_path: Path
) -> None:
    path = tmp_path / "key.png"
    path.write_bytes(b"not a picture")
    with pytest.raises(AssetError, match="keyframe cannot be read") as caught:
        measure_clip(
            ArrayFrames(shot("static", size=SIZE, num_frames=3).frames),
            rate,
            keyframes=[Key(path, 0)],
        )
    assert caught.value.mend


def test_ssim_is_the_reference_one() -> None:
    metrics = pytest.importorskip("skimage.metrics")
    rng = np.random.default_rng(0)
    one = rng.uniform(0, 255, (90, 120)).astype(np.float32)
    other = np.clip(one + rng.normal(0, 30, one.shape), 0, 255).astype(np.float32)
    ours = ssim_map(torch.from_numpy(one), torch.from_numpy(other), 1.0).numpy()
    _, theirs = metrics.structural_similarity(
        one,
        other,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        truncate=10 / 3,  # the same radius of five pixels
        full=True,
    )
    assert np.abs(ours - theirs)[10:-10, 10:-10].max() < 1e-4


def test_phase_shift_to_a_fraction_of_a_pixel() -> None:
    rng = np.random.default_rng(2)
    spectrum = np.fft.rfft2(rng.standard_normal((128, 160)))
    down, across = np.fft.fftfreq(128)[:, None], np.fft.rfftfreq(160)[None]
    spectrum *= np.exp(-40 * (down**2 + across**2))
    moved = spectrum * np.exp(-2j * np.pi * (2.5 * across - 1.25 * down))
    planes = [
        torch.from_numpy(np.fft.irfft2(item, s=(128, 160)).astype(np.float32) * 200)
        for item in (spectrum, moved)
    ]
    shift, response = phase_shift(planes[0], planes[1], 1.0)
    assert shift == pytest.approx((2.5, -1.25), abs=0.35)
    assert response > 0.3
