from __future__ import annotations

import hashlib
import json
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import InputError, MediaError, ResourceError
from reelwright.media import (
    PackLimits,
    Provenance,
    find_project,
    pack_project,
    unpack_project,
)
from reelwright.plan import sha256_of

FILES = {
    "storyboard.toml": b'[film]\ntitle = "x"\n',
    "plan.lock": b"{}",
    "assets/boat.glb": b"glTF" + bytes(range(256)) * 40,
    "音/theme.flac": b"fLaC" + bytes(3000),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name, content in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def pack_it(root: Path, out: Path, **more: Any) -> Path:
    return pack_project(root, "storyboard.toml", list(FILES)[1:], out, **more)


def test_round_trip(project: Path, tmp_path: Path, record: Provenance) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"a film" * 100)
    pack = pack_it(project, tmp_path / "lighthouse", film=film, provenance=record)
    assert pack.name == "lighthouse.reelpack"
    unpacked = unpack_project(pack, tmp_path / "out")
    assert {name: (unpacked.root / name).read_bytes() for name in FILES} == FILES
    assert unpacked.storyboard == tmp_path / "out" / "storyboard.toml"
    assert unpacked.film is not None
    assert unpacked.film.read_bytes() == film.read_bytes()
    assert unpacked.provenance == record
    assert sorted(unpacked.files) == sorted([*FILES, "film.mp4"])


def test_the_same_project_gives_the_same_bytes(project: Path, tmp_path: Path) -> None:
    first = pack_it(project, tmp_path / "a.reelpack").read_bytes()
    for path in project.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    names = list(FILES)[1:][::-1]
    second = pack_project(project, "storyboard.toml", names, tmp_path / "b.reelpack").read_bytes()
    assert first == second


def test_any_unzip_gives_a_project(project: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(pack_it(project, tmp_path / "a.reelpack")) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "plain")
    assert (tmp_path / "plain" / "storyboard.toml").read_bytes() == FILES["storyboard.toml"]


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a\\b"])
def test_names_outside_are_not_packed(name: str, project: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be packed"):
        pack_project(project, "storyboard.toml", [name], tmp_path / "a.reelpack")
    assert not (tmp_path / "a.reelpack").exists()


def test_missing_files_and_links_out_are_not_packed(project: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.png is not there") as caught:
        pack_project(project, "storyboard.toml", ["gone.png"], tmp_path / "a.reelpack")
    assert caught.value.mend
    (tmp_path / "secret").write_text("secret")
    (project / "link.png").symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match="leads out of the project"):
        pack_project(project, "storyboard.toml", ["link.png"], tmp_path / "a.reelpack")


def test_twins_are_not_packed(project: Path, tmp_path: Path) -> None:
    (project / "Assets").mkdir(exist_ok=True)
    (project / "Assets" / "boat.glb").write_bytes(b"other")
    with pytest.raises(InputError, match="one file"):
        pack_project(
            project, "storyboard.toml", ["assets/boat.glb", "Assets/boat.glb"], tmp_path / "a"
        )


def test_unpacking_over_something_is_refused(project: Path, tmp_path: Path) -> None:
    pack = pack_it(project, tmp_path / "a.reelpack")
    with pytest.raises(MediaError, match="something else of this name"):
        unpack_project(pack, project)
    assert (project / "plan.lock").read_bytes() == b"{}"


def evil(path: Path, files: dict[str, bytes], **change: Any) -> Path:
    """A pack made by hand: whatever is in `change` is not as it should be."""
    listed = change.get("listed", files)
    manifest: Any = {
        "reelpack": 1,
        "storyboard": change.get("storyboard", "storyboard.toml"),
        "film": None,
        "provenance": None,
        "files": [
            {"path": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in listed.items()
        ],
    } | change.get("manifest", {})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if change.get("with_manifest", True):
            archive.writestr("reelpack.json", change.get("text", json.dumps(manifest)))
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = change.get("mode", stat.S_IFREG | 0o644) << 16
            info.compress_type = change.get("compression", zipfile.ZIP_DEFLATED)
            archive.writestr(info, data)
    return path


BOARD = {"storyboard.toml": b"x"}
NO_SIZE = {"path": "storyboard.toml", "sha256": hashlib.sha256(b"x").hexdigest()}


@pytest.mark.parametrize(
    "make",
    [
        lambda path: evil(path, BOARD | {"../out.txt": b"x"}),
        lambda path: evil(path, BOARD | {"/tmp/out.txt": b"x"}),
        lambda path: evil(path, BOARD | {"a/../../out.txt": b"x"}),
        lambda path: evil(path, BOARD | {"..\\out.txt": b"x"}),
        lambda path: evil(path, BOARD | {"C:/out.txt": b"x"}),
        lambda path: evil(path, BOARD | {"nul": b"x"}),
        lambda path: evil(path, BOARD | {"a.glb": b"x", "A.GLB": b"x"}),
        lambda path: evil(path, BOARD | {"reelpack.JSON": b"x"}),
        lambda path: evil(path, BOARD, mode=stat.S_IFLNK | 0o777),
        lambda path: evil(path, BOARD, listed=BOARD | {"more": b"x"}),
        lambda path: evil(path, BOARD | {"more": b"x"}, listed=BOARD),
        lambda path: evil(path, BOARD, listed={"storyboard.toml": b"y"}),
        lambda path: evil(path, {"storyboard.toml": b"xx"}, listed=BOARD),
        lambda path: evil(path, BOARD, storyboard="other.toml"),
        lambda path: evil(path, BOARD, manifest={"film": "other.mp4"}),
        lambda path: evil(path, BOARD, manifest={"files": []}),
        lambda path: evil(path, BOARD, manifest={"files": [3]}),
        lambda path: evil(path, BOARD, manifest={"files": [NO_SIZE | {"bytes": True}]}),
        lambda path: evil(path, BOARD, manifest={"files": [NO_SIZE | {"bytes": -1}]}),
        lambda path: evil(path, BOARD, manifest={"reelpack": "1"}),
        lambda path: evil(path, BOARD, text="{"),
        lambda path: evil(path, BOARD, text="[]"),
        lambda path: evil(path, BOARD, with_manifest=False),
        lambda path: evil(path, BOARD, compression=zipfile.ZIP_LZMA),
    ],
)  # fmt: skip
def test_harmful_packs_write_nothing(make: Callable[[Path], Path], tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    pack = make(folder / "evil.reelpack")
    with pytest.raises(MediaError) as caught:
        unpack_project(pack, folder / "out")
    assert caught.value.where == str(pack)
    assert caught.value.mend
    assert [path.name for path in tmp_path.rglob("*")] == ["here", "evil.reelpack"]


def test_duplicate_names_are_refused(tmp_path: Path) -> None:
    pack = evil(tmp_path / "evil.reelpack", BOARD)
    with zipfile.ZipFile(pack, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("storyboard.toml", "y")
    with pytest.raises(MediaError, match="twice"):
        unpack_project(pack, tmp_path / "out")


def test_limits(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = pack_it(project, tmp_path / "a.reelpack")
    for limits in (
        PackLimits(num_files=2),
        PackLimits(file_bytes=5000),
        PackLimits(total_bytes=9000),
    ):
        with pytest.raises(MediaError, match="cannot be trusted"):
            unpack_project(pack, tmp_path / "out", limits=limits)
    from reelwright.media import unpack

    bomb = evil(tmp_path / "bomb.reelpack", BOARD | {"zeros": bytes(3_000_000)})
    monkeypatch.setattr(unpack, "_HONEST_BYTES", 1_000_000)
    with pytest.raises(MediaError, match="swell"):
        unpack_project(bomb, tmp_path / "out")
    monkeypatch.setattr(unpack, "_HONEST_BYTES", 10_000_000)
    assert unpack_project(bomb, tmp_path / "out").files == ("storyboard.toml", "zeros")


def test_a_size_that_lies_is_found_out(tmp_path: Path) -> None:
    """The archive's directory says 1 byte, the stream goes on."""
    pack = evil(tmp_path / "a.reelpack", {"storyboard.toml": b"x" * 5000}, listed=BOARD)
    data = pack.read_bytes().replace((5000).to_bytes(4, "little"), (1).to_bytes(4, "little"))
    pack.write_bytes(data)
    with pytest.raises(MediaError):
        unpack_project(pack, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_room(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    pack = pack_it(project, tmp_path / "a.reelpack")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 5))
    with pytest.raises(ResourceError, match="free"):
        unpack_project(pack, tmp_path / "out")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_cut_short(share: float, project: Path, tmp_path: Path) -> None:
    pack = pack_it(project, tmp_path / "a.reelpack")
    data = pack.read_bytes()
    pack.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(MediaError):
        unpack_project(pack, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_newer_pack_is_refused(tmp_path: Path) -> None:
    pack = evil(tmp_path / "new.reelpack", BOARD, manifest={"reelpack": 2})
    with pytest.raises(MediaError, match="newer") as caught:
        unpack_project(pack, tmp_path / "out")
    assert caught.value.mend == "Update Reelwright."
    with pytest.raises(MediaError, match="no such pack"):
        unpack_project(tmp_path / "nowhere.reelpack", tmp_path / "out")


@pytest.fixture
def made_from(project: Path) -> Provenance:
    digests = {name: sha256_of(project / name) for name in list(FILES)[2:]}
    return Provenance("animatic", "[film]", "storyboard.toml", files=digests)


def test_find_project(project: Path, made_from: Provenance, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    search = find_project(made_from, [tmp_path / "nowhere", empty, project])
    assert search.complete
    assert search.root == project.resolve()
    assert search.missing == ()


def test_find_project_lists_what_is_missing(
    project: Path, made_from: Provenance, tmp_path: Path
) -> None:
    (project / "音/theme.flac").write_bytes(b"another theme")
    search = find_project(made_from, [tmp_path, project])
    assert not search.complete
    assert search.root == project.resolve()
    (missing,) = search.missing
    assert (missing.path, missing.state) == ("音/theme.flac", "different")
    assert missing.sha256 == made_from.files["音/theme.flac"]
    (project / "assets/boat.glb").unlink()
    search = find_project(made_from, [project])
    assert {each.path: each.state for each in search.missing} == {
        "assets/boat.glb": "absent",
        "音/theme.flac": "different",
    }
    assert "assets/boat.glb is not there" in str(search.missing[0])


def test_find_project_without_a_candidate(made_from: Provenance) -> None:
    search = find_project(made_from, [])
    assert search.root is None
    assert len(search.missing) == 2


def test_find_project_does_not_follow_links_out(
    project: Path, made_from: Provenance, tmp_path: Path
) -> None:
    outside = tmp_path / "boat.glb"
    (project / "assets/boat.glb").rename(outside)
    (project / "assets/boat.glb").symlink_to(outside)
    assert not find_project(made_from, [project]).complete
