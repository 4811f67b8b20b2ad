from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from reelwright.errors import AssetError
from reelwright.plan import DigestStore

LONG_AGO = time.time_ns() - 3600 * 10**9


def old_file(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    return path


@pytest.fixture
def store(tmp_path: Path) -> DigestStore:
    return DigestStore(tmp_path / ".reelwright" / "digests.json", tmp_path)


def test_a_file_that_has_not_changed_is_read_once(store: DigestStore, tmp_path: Path) -> None:
    path = old_file(tmp_path / "a.glb", b"mesh")
    assert store.digest(path) == hashlib.sha256(b"mesh").hexdigest()
    store.save()
    again = DigestStore(store.path, tmp_path)
    assert again.digest(Path("a.glb")) == store.digest(path)
    assert (store.num_hashed, again.num_hashed) == (1, 0)


def test_a_changed_file_is_read_again(store: DigestStore, tmp_path: Path) -> None:
    path = old_file(tmp_path / "a.glb", b"mesh")
    first = store.digest(path)
    path.write_bytes(b"hsem")
    os.utime(path, ns=(LONG_AGO + 1, LONG_AGO + 1))
    assert store.digest(path) != first


def test_a_file_touched_just_now_is_not_remembered(store: DigestStore, tmp_path: Path) -> None:
    path = tmp_path / "a.glb"
    path.write_bytes(b"mesh")
    store.digest(path)
    store.digest(path)
    assert store.num_hashed == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 9, "files": {}}', '{"version": 1}'])
def test_a_damaged_memory_is_an_empty_one(tmp_path: Path, text: str) -> None:
    memory = tmp_path / "digests.json"
    memory.write_text(text)
    path = old_file(tmp_path / "a.glb", b"mesh")
    assert DigestStore(memory, tmp_path).digest(path) == hashlib.sha256(b"mesh").hexdigest()


def test_a_missing_file_is_named(store: DigestStore) -> None:
    with pytest.raises(AssetError) as caught:
        store.digest(Path("gone.glb"))
    assert caught.value.where == "gone.glb"
    assert caught.value.mend


class TestFileUse:
    def test_a_file_as_planned_passes_without_reading(
        self, store: DigestStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use = store.use(old_file(tmp_path / "a.glb", b"mesh"))
        monkeypatch.setattr("reelwright.plan.digests.sha256_of", _never)
        use.check(tmp_path)

    def test_a_file_that_was_only_touched_passes(self, store: DigestStore, tmp_path: Path) -> None:
        path = old_file(tmp_path / "a.glb", b"mesh")
        use = store.use(path)
        path.touch()
        use.check(tmp_path)

    def test_a_changed_file_is_refused(self, store: DigestStore, tmp_path: Path) -> None:
        path = old_file(tmp_path / "a.glb", b"mesh")
        use = store.use(path)
        path.write_bytes(b"other")
        with pytest.raises(AssetError, match="changed while") as caught:
            use.check(tmp_path)
        assert caught.value.where == "a.glb"

    def test_a_file_that_is_gone_is_refused(self, store: DigestStore, tmp_path: Path) -> None:
        path = old_file(tmp_path / "a.glb", b"mesh")
        use = store.use(path)
        path.unlink()
        with pytest.raises(AssetError, match="cannot be read now"):
            use.check(tmp_path)


def _never(*_: object) -> str:
    raise AssertionError("it was read")
