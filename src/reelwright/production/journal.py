"""The journal: what ran, when, how long, and what came of it. SQLite, in WAL mode.

It is an index for people and for estimates, never the truth: that is the manifests. A journal that
is missing or damaged is made again from them, and nothing is rendered again for it. One process
writes (the one that holds the project's lock); any may read.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from reelwright.plan import COSTS_VERSION, NUM_SAMPLES, History, PlannedStage, Sample, StageKind
from reelwright.production.journal_database import (
    is_damaged,
    mended,
    named,
    open_database,
    open_fresh,
    set_aside,
)
from reelwright.production.manifest import Manifest

T = TypeVar("T")
Row = Mapping[str, Any]


class Outcome(StrEnum):
    """What came of a job or an attempt."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    LOST = "lost"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One run of one stage.

    Attributes:
        attempt: Its name.
        stage: Id of the stage.
        key: Name of the result.
        outcome: What came of it.
        seconds: What it took; 0 while it runs.
        peak_ram_bytes: Anonymous memory at its highest; 0 if unknown.
        error: What was wrong; empty for nothing.
        started: Seconds since 1970.
        job: The render it belonged to; None where the row was made from a manifest.
    """

    attempt: str
    stage: str
    key: str
    outcome: Outcome
    seconds: float
    peak_ram_bytes: int
    error: str
    started: float
    job: int | None


class Journal:
    """Open a journal, making or mending it as needed; use it in a `with`.

    Args:
        path: The database.
        manifests: Every manifest there is, oldest first: what a lost journal is made from.
        warn: Hears that it was made again.

    Raises:
        ResourceError: The disk is full or the file may not be written.
    """

    def __init__(
        self,
        path: Path,
        manifests: Callable[[], Iterable[Manifest]],
        warn: Callable[[str], None],
    ) -> None:
        self.path = path
        self._manifests = manifests
        self._warn = warn
        self._job: int | None = None
        missing = not path.exists()
        self._db = self._opened()
        if missing:
            count = self.rebuild()
            if count:
                warn(f"The journal was missing; it was made again from {count} results.")
        else:
            self._do(self._close_old_rows)

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def rebuild(self) -> int:
        """Add a row for every manifest that has none. Returns how many were added."""
        rows = [_row_of(manifest) for manifest in self._manifests()]
        return self._do(lambda db: _insert_rows(db, rows))

    def start_job(self, film: str, until: str) -> None:
        """Note that a render begins."""
        values = (film, until, time.time(), Outcome.RUNNING)
        self._job = self._do(
            lambda db: (
                db.execute(
                    "insert into jobs (film, until_stage, started, outcome) values (?, ?, ?, ?)",
                    values,
                ).lastrowid
            )
        )

    def end_job(self, outcome: Outcome) -> None:
        """Note what came of the render."""
        values = (outcome, time.time(), self._job)
        self._do(
            lambda db: db.execute("update jobs set outcome = ?, ended = ? where id = ?", values)
        )

    def start(self, attempt: str, stage: PlannedStage) -> None:
        """Note that an attempt at a stage begins."""
        row = {
            "job": self._job,
            "attempt": attempt,
            "stage": stage.id,
            "kind": str(stage.kind),
            "shot": stage.shot,
            "key": stage.key,
            "backend": stage.backend,
            "device": stage.device,
            "started": time.time(),
            "outcome": Outcome.RUNNING,
            "cost_row": stage.estimate.row,
            "modelled_s": stage.estimate.modelled_s,
            "modelled_ram_bytes": stage.estimate.modelled_ram_bytes,
            "costs_version": COSTS_VERSION,
        }
        self._do(lambda db: _insert_rows(db, [row]))

    def end(
        self,
        attempt: str,
        outcome: Outcome,
        *,
        seconds: float = 0.0,
        peak_ram_bytes: int = 0,
        error: str = "",
    ) -> None:
        """Note what came of an attempt."""
        values = (outcome, time.time(), seconds, peak_ram_bytes, error, attempt)
        self._do(
            lambda db: db.execute(
                "update attempts set outcome = ?, ended = ?, seconds = ?, peak_ram_bytes = ?,"
                " error = ? where attempt = ?",
                values,
            )
        )

    def attempts(self) -> tuple[AttemptRow, ...]:
        """Every attempt there ever was, oldest first."""
        rows = self._do(
            lambda db: db.execute(
                "select attempt, stage, key, outcome, seconds, peak_ram_bytes, error, started, job"
                " from attempts order by id"
            ).fetchall()
        )
        return tuple(
            AttemptRow(attempt, stage, key, Outcome(outcome), seconds, peak, error, started, job)
            for attempt, stage, key, outcome, seconds, peak, error, started, job in rows
        )

    def last_key(self, stage: str, but: str) -> str | None:
        """Key of the newest finished result of a stage that is another than `but`."""
        row = self._do(
            lambda db: db.execute(
                "select key from attempts where stage = ? and outcome = ? and key != ?"
                " order by id desc limit 1",
                (stage, Outcome.FINISHED, but),
            ).fetchone()
        )
        return str(row[0]) if row else None

    def history(self) -> History:
        """Measured runs, for estimates."""
        return self._do(_history)

    def _do(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """Carry out one transaction; a damaged journal is made again and it is tried once more."""
        try:
            with self._db:
                return action(self._db)
        except sqlite3.DatabaseError as error:
            if not is_damaged(error):
                raise named(error, self.path) from error
        self._replace_damaged()
        with self._db:
            return action(self._db)

    def _opened(self) -> sqlite3.Connection:
        try:
            return open_database(self.path)
        except sqlite3.DatabaseError as error:
            if not is_damaged(error):
                raise named(error, self.path) from error
        set_aside(self.path)
        db = open_fresh(self.path)
        rows = [_row_of(manifest) for manifest in self._manifests()]
        with db:
            _insert_rows(db, rows)
        self._warn(mended(self.path, len(rows)))
        return db

    def _replace_damaged(self) -> None:
        self._db.close()
        set_aside(self.path)
        self._db = open_fresh(self.path)
        self._job = None
        self._warn(mended(self.path, self.rebuild()))

    def _close_old_rows(self, db: sqlite3.Connection) -> None:
        """Rows of a killed render: committed results are finished, all else is lost."""
        finished = {manifest.attempt: manifest for manifest in self._unended(db)}
        for attempt, manifest in finished.items():
            db.execute(
                "update attempts set outcome = ?, ended = ?, seconds = ?, peak_ram_bytes = ?"
                " where attempt = ?",
                (Outcome.FINISHED, manifest.finished, manifest.seconds, manifest.peak_ram_bytes,
                 attempt),
            )  # fmt: skip
        for table in ("attempts", "jobs"):
            db.execute(
                f"update {table} set outcome = ?, ended = ? where outcome = ?",
                (Outcome.LOST, time.time(), Outcome.RUNNING),
            )

    def _unended(self, db: sqlite3.Connection) -> Iterable[Manifest]:
        running = {
            row[0]
            for row in db.execute("select attempt from attempts where outcome = ?", ("running",))
        }
        if not running:
            return ()
        return [manifest for manifest in self._manifests() if manifest.attempt in running]


def read_history(path: Path) -> History:
    """Measured runs of a journal that another process may be writing; none if it cannot be read."""
    if not path.is_file():
        return History()
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
            return _history(db)
    except sqlite3.DatabaseError:
        return History()


def _history(db: sqlite3.Connection) -> History:
    samples: list[Sample] = []
    for kind in StageKind:
        rows = db.execute(
            "select cost_row, device, seconds, modelled_s, peak_ram_bytes, modelled_ram_bytes"
            " from attempts where kind = ? and outcome = ? and costs_version = ?"
            " order by id desc limit ?",
            (str(kind), Outcome.FINISHED, COSTS_VERSION, 4 * NUM_SAMPLES),
        ).fetchall()
        samples += [Sample(kind, *row) for row in reversed(rows)]
    return History.of(samples)


def _row_of(manifest: Manifest) -> Row:
    same = (
        "attempt", "stage", "kind", "shot", "key", "backend", "device", "started", "seconds",
        "peak_ram_bytes", "cost_row", "modelled_s", "modelled_ram_bytes", "costs_version",
    )  # fmt: skip
    row = {name: getattr(manifest, name) for name in same}
    return {**row, "ended": manifest.finished, "outcome": Outcome.FINISHED}


def _insert_rows(db: sqlite3.Connection, rows: Sequence[Row]) -> int:
    """Add attempts, all with the same columns; one that is there stays. Returns how many."""
    if not rows:
        return 0
    names = list(rows[0])
    before = db.total_changes
    db.executemany(
        f"insert or ignore into attempts ({', '.join(names)})"
        f" values ({', '.join(f':{name}' for name in names)})",
        rows,
    )
    return db.total_changes - before
