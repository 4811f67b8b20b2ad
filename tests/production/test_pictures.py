from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reelwright.errors import AssetError
from reelwright.production.pictures import check_picture, fit_picture
from reelwright.shapes import generation_size


def picture(path: Path, width: int, height: int) -> Path:
    """Red to the left, blue to the right, a green border."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2, 0] = 200
    pixels[:, width // 2 :, 2] = 200
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize("own", [(96, 80), (192, 160), (300, 80), (40, 400)])
def test_it_has_the_generated_size_and_its_middle_in_the_middle(
    tmp_path: Path, own: tuple[int, int]
) -> None:
    size = generation_size((96, 80))
    assert size.generated == (128, 128)
    target = tmp_path / "out.png"
    fit_picture(picture(tmp_path / "own.png", *own), "own.png", size, target)
    made = np.asarray(Image.open(target))
    assert made.shape == (128, 128, 3)
    left, top, right, bottom = size.crop_box
    shown = made[top:bottom, left:right]
    assert shown[40, 20].tolist() == pytest.approx([200, 0, 0], abs=2)
    assert shown[40, 70].tolist() == pytest.approx([0, 0, 200], abs=2)


def test_one_of_the_delivered_size_is_delivered_as_it_is(tmp_path: Path) -> None:
    size, target = generation_size((96, 80)), tmp_path / "out.png"
    own = picture(tmp_path / "own.png", 96, 80)
    fit_picture(own, "own.png", size, target)
    left, top, right, bottom = size.crop_box
    made = np.asarray(Image.open(target))[top:bottom, left:right]
    assert np.array_equal(made, np.asarray(Image.open(own)))


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.png"
    path.write_bytes(b"no picture")
    with pytest.raises(AssetError) as caught:
        check_picture(path, "own.png")
    assert caught.value.where == "own.png"
