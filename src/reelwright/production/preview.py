"""A small picture of work under way, for a page or a terminal that shows pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

_LONGEST_SIDE = 384
_QUALITY = 80


def write_preview(picture: NDArray[Any], path: Path) -> bool:
    """Write a picture as a small JPEG, whole or not at all.

    Args:
        picture: uint8 [H, W, 3].
        path: The JPEG.

    Returns:
        Whether it was written; a preview that cannot be is no reason to stop a render.
    """
    from PIL import Image

    draft = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(picture).convert("RGB")
        image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
        image.save(draft, format="JPEG", quality=_QUALITY)
        draft.replace(path)
    except (OSError, ValueError, TypeError):
        return False
    return True
