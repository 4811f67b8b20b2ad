"""Errors of a shot's making, told with the shot that they befell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from reelwright.errors import Cancelled, ReelwrightError, ResourceError, StoryboardError
from reelwright.generate.ltx.loaded import release

_SHORT = (
    "Make it smaller or shorter, close what else uses the memory, or set `precision` to bfloat16."
)


@contextmanager
def in_shot(shot: str) -> Iterator[None]:
    """Name the shot in whatever goes wrong inside, and translate what is foreign.

    Args:
        shot: The shot's id; empty where there is none.

    Raises:
        ReelwrightError: Of the kind raised inside, with the shot in its `where`.
        ResourceError: Memory ran out.
    """
    place = f'shot "{shot}"' if shot else ""
    try:
        yield
    except (Cancelled, StoryboardError):
        raise
    except ReelwrightError as error:
        if error.where.startswith(place):
            raise
        where = ": ".join(part for part in (place, error.where) if part)
        raise type(error)(error.what, error.mend, where=where, **error.facts) from error
    except (MemoryError, torch.OutOfMemoryError) as error:
        release()  # what was loaded would stand in the next one's way
        raise ResourceError("There is not enough memory for it.", _SHORT, where=place) from error
