"""The journal's database: opening it, telling a damaged one, naming what goes wrong."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from reelwright.errors import ResourceError
from reelwright.production.disk import disk_full_error

SCHEMA_VERSION = 1
_BUSY_S = 5.0
_SCHEMA = """
create table if not exists jobs (
    id integer primary key,
    film text not null,
    until_stage text not null,
    started real not null,
    ended real,
    outcome text not null
) strict;
create table if not exists attempts (
    id integer primary key,
    job integer references jobs(id),
    attempt text not null unique,
    stage text not null,
    kind text not null,
    shot text not null,
    key text not null,
    backend text not null,
    cost_row text not null,
    device text not null,
    started real not null,
    ended real,
    outcome text not null,
    error text not null default '',
    seconds real not null default 0,
    peak_ram_bytes integer not null default 0,
    modelled_s real not null default 0,
    modelled_ram_bytes integer not null default 0,
    costs_version integer not null default 0
) strict;
create index if not exists attempts_by_key on attempts (key, outcome);
create index if not exists attempts_by_stage on attempts (stage, outcome, id);
create index if not exists attempts_by_kind on attempts (kind, outcome, id);
"""


def open_database(path: Path) -> sqlite3.Connection:
    """Open the database, checked, in WAL mode and with its tables.

    Raises:
        sqlite3.DatabaseError: It is damaged (see `is_damaged`) or cannot be used.
    """
    db = sqlite3.connect(path, timeout=_BUSY_S)
    try:
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = normal")
        problem = db.execute("pragma quick_check(1)").fetchone()[0]
        version = db.execute("pragma user_version").fetchone()[0]
        if problem != "ok" or version not in (0, SCHEMA_VERSION):
            raise _Damaged(f"it is damaged or of version {version}: {problem}")
        db.executescript(_SCHEMA)
        db.execute(f"pragma user_version = {SCHEMA_VERSION}")
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db


def open_fresh(path: Path) -> sqlite3.Connection:
    """Open a new database; ResourceError if that cannot be."""
    try:
        return open_database(path)
    except sqlite3.DatabaseError as error:
        raise named(error, path) from error


class _Damaged(sqlite3.DatabaseError):
    """SQLite itself is content, but this is not a journal that can be used."""


_DAMAGE_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA)
_READ_ONLY_DELETED = "SQLITE_READONLY_DBMOVED"


def is_damaged(error: sqlite3.DatabaseError) -> bool:
    """Whether an error means that the journal has to be made again."""
    if isinstance(error, _Damaged):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    if getattr(error, "sqlite_errorname", "") == _READ_ONLY_DELETED:
        return True  # somebody deleted the file under us
    if code is None:
        return False
    missing_table = code == sqlite3.SQLITE_ERROR and "no such" in str(error)
    return missing_table or (code & 0xFF) in _DAMAGE_CODES


def named(error: sqlite3.DatabaseError, path: Path) -> ResourceError:
    """Any other error, as something that a person can act on."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return disk_full_error(path, "writing the journal")
    return ResourceError(
        f"The journal cannot be used: {error}.",
        "Check that the folder may be written, or name one on a local disk with --work-dir; the "
        "journal may be deleted, it is made again.",
        where=str(path),
    )


def mended(path: Path, count: int) -> str:
    """What to say of a journal that was made again."""
    return (
        f"The journal was damaged; it was made again from {count} results and the old one kept "
        f"beside it ({path.name}.damaged)."
    )


def set_aside(path: Path) -> None:
    """Keep a damaged journal beside the new one, for whoever wants to know."""
    if path.exists():
        path.replace(path.with_name(f"{path.name}.damaged"))
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
