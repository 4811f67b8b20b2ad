"""Anonymous memory of a process: what it really holds, without the page cache."""

from __future__ import annotations

import sys
from pathlib import Path

_KIB = 1024


def anonymous_bytes(pid: int) -> int:
    """Anonymous memory of a process now; 0 if it cannot be told (it is gone).

    On Linux this is `RssAnon`; elsewhere resident less shared memory, the nearest there is.
    """
    if sys.platform.startswith("linux"):
        return _rss_anon(pid)
    import psutil  # type: ignore[import-untyped, unused-ignore]

    try:
        info = psutil.Process(pid).memory_info()
    except psutil.Error:
        return 0
    return int(info.rss) - int(getattr(info, "shared", 0))


def _rss_anon(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * _KIB
    return 0
