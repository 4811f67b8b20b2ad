"""What a write that failed means: a full disk is one thing, everything else another."""

from __future__ import annotations

import errno
from pathlib import Path

from reelwright.errors import MediaError, ResourceError

FULL_ERRNOS = tuple(
    code
    for name in ("ENOSPC", "EDQUOT", "EFBIG")
    if (code := getattr(errno, name, None)) is not None
)
"""What systems say when no more can be written; not every system has each."""

DISK_MEND = (
    "Free some space (`reelwright clean` removes what old renders left) and run the same command "
    "again: what was finished is kept."
)


def disk_error(error: OSError, path: Path) -> ResourceError | MediaError:
    """Name a failed write: a full disk is a resource, anything else a media error."""
    if error.errno in FULL_ERRNOS:
        return ResourceError("The disk is full.", DISK_MEND, where=str(path))
    return MediaError("A file could not be written.", str(error), where=str(path))
