from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from reelwright.machine import GIB, Finding, State, Vendor, doctor, examine, preset, worst
from reelwright.machine.disk import Mount
from reelwright.machine.doctor import TorchBuild

CPU, NVIDIA, AMD, MAC = (preset(name) for name in ("cpu", "rtx4090", "rx7900xtx", "m3-max-64"))
CPU_TORCH = TorchBuild("2.13.0+cpu", "cpu")
CUDA_TORCH = TorchBuild("2.13.0", "cuda")


def test_python() -> None:
    assert doctor.check_python((3, 11, 7)).state is State.OK
    old = doctor.check_python((3, 10, 1))
    assert old.state is State.FAIL
    assert "3.11" in old.mend


@pytest.mark.parametrize(
    ("torch", "machine", "state", "words"),
    [
        (None, CPU, State.FAIL, "not installed"),
        (CPU_TORCH, CPU, State.OK, "on the CPU"),
        (CPU_TORCH, NVIDIA, State.WARN, "RTX 4090 is not used"),
        (CUDA_TORCH, NVIDIA, State.OK, "on RTX 4090"),
        (CUDA_TORCH, CPU, State.NOTE, "runs on the CPU"),
        (CUDA_TORCH, AMD, State.WARN, "is not used"),
        (TorchBuild("2.13.0+rocm7.1", "hip"), AMD, State.OK, "7900 XTX"),
        (TorchBuild("2.13.0", "mps"), MAC, State.OK, "M3 Max"),
    ],
)
def test_torch(torch: TorchBuild | None, machine: object, state: State, words: str) -> None:
    finding = doctor.check_torch(torch, machine)  # type: ignore[arg-type]
    assert finding.state is state
    assert words in finding.what
    assert bool(finding.mend) == (state in (State.WARN, State.FAIL))


@pytest.mark.parametrize(
    ("version", "text", "system", "kind"),
    [
        ("2.13.0+cpu", "cuda: Optional[str] = None\nhip: Optional[str] = None\n", "linux", "cpu"),
        ("2.13.0", "cuda: Optional[str] = '13.0'\nhip: Optional[str] = None\n", "linux", "cuda"),
        ("2.13.0", "cuda = '12.8'\n", "win32", "cuda"),
        (
            "2.13.0+rocm7.1",
            "cuda: Optional[str] = None\nhip: Optional[str] = '7.1'\n",
            "linux",
            "hip",
        ),
        ("2.13.0+xpu", "cuda: Optional[str] = None\nxpu: Optional[str] = '2025'\n", "linux", "xpu"),
        ("2.13.0", "cuda: Optional[str] = None\n", "darwin", "mps"),
        ("2.13.0+cu128", "", "linux", "cuda"),
        ("2.13.0+rocm6.4", "", "linux", "hip"),
        ("2.13.0", "", "linux", "cpu"),
    ],
)
def test_torch_kind(version: str, text: str, system: str, kind: str) -> None:
    assert doctor.torch_kind(version, text, system) == kind


def test_the_installed_torch_is_read_not_imported() -> None:
    code = (
        "import sys; from reelwright.machine.doctor import installed_torch as f;"
        "print(f().version, f().kind, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    version, kind, imported = done.stdout.split()
    assert version[0].isdecimal()
    assert kind in ("cpu", "cuda", "hip", "xpu", "mps")
    assert imported == "False"


def test_a_gpu_without_a_driver(tmp_path: Path) -> None:
    for name, vendor, kind in (
        ("0000:00:01.0", "0x10de", "0x030200"),
        ("0000:00:02.0", "0x8086", "0x030000"),
        ("0000:00:03.0", "0x1002", "0x040300"),  # a sound device
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "vendor").write_text(f"{vendor}\n")
        (tmp_path / name / "class").write_text(f"{kind}\n")
    on_bus = doctor.pci_vendors(tmp_path)
    assert on_bus == {Vendor.NVIDIA}
    (finding,) = doctor.check_drivers(on_bus, CPU)
    assert finding.state is State.WARN
    assert "NVIDIA driver" in finding.mend
    assert doctor.check_drivers(on_bus, NVIDIA) == ()
    (amd,) = doctor.check_drivers(frozenset({Vendor.AMD}), NVIDIA)
    assert "ROCm" in amd.mend
    assert doctor.pci_vendors(tmp_path / "none") == frozenset()


def test_accelerators() -> None:
    assert doctor.check_accelerators(CPU).state is State.NOTE
    assert doctor.check_accelerators(NVIDIA).state is State.OK
    busy = replace(NVIDIA.accelerators[0], vram_free_bytes=3 * GIB, driver="580.1")
    finding = doctor.check_accelerators(replace(NVIDIA, accelerators=(busy,)))
    assert finding.state is State.WARN
    assert "Only 3 GB of cuda:0 are free" in finding.what
    assert "driver 580.1" in finding.what


@pytest.mark.parametrize(
    ("name", "version", "torch", "fits"),
    [
        ("torchvision", "0.28.0+cpu", CPU_TORCH, True),
        ("torchvision", "0.28.0", CUDA_TORCH, True),
        ("torchvision", "0.20.0", CUDA_TORCH, False),
        ("torchaudio", "2.13.0", CUDA_TORCH, True),
        ("torchaudio", "2.11.0", CUDA_TORCH, False),
    ],
)
def test_companions(name: str, version: str, torch: TorchBuild, fits: bool) -> None:
    findings = doctor.check_companions(torch, {name: version})
    assert (findings == ()) == fits
    for finding in findings:
        assert finding.state is State.NOTE
        assert f"pip uninstall {name}" in finding.mend


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere wheels do not say what they are")
def test_a_cuda_torchvision_beside_a_cpu_torch() -> None:
    (finding,) = doctor.check_companions(CPU_TORCH, {"torchvision": "0.28.0"})
    assert "2.13.0+cpu" in finding.what


def test_no_companions() -> None:
    assert doctor.check_companions(CPU_TORCH, {"torchvision": None}) == ()
    assert doctor.check_companions(None, {"torchvision": "0.28.0"}) == ()
    assert doctor.check_companions(CPU_TORCH, {"torchvision": "main"}) == ()


def test_encoders() -> None:
    assert doctor.missing_encoders(doctor.ENCODERS) == {}
    missing = doctor.missing_encoders({"libx264": "mp4", "no_such_encoder": "a test"})
    finding = doctor.check_encoders(missing)
    assert finding.state is State.FAIL
    assert "no_such_encoder (for a test)" in finding.what
    assert "pip install" in finding.mend


@pytest.mark.parametrize(
    ("free", "state"), [(1, State.FAIL), (4, State.WARN), (9, State.OK), (50, State.OK)]
)
def test_ram(free: int, state: State) -> None:
    finding = doctor.check_ram(replace(CPU, ram_free_bytes=free * GIB))
    assert finding.state is state
    assert bool(finding.mend) == (state is not State.OK)


@pytest.mark.parametrize(("free", "state"), [(1, State.FAIL), (5, State.WARN), (50, State.OK)])
def test_disk(free: int, state: State) -> None:
    finding = doctor.check_disk(replace(CPU, disk_free_bytes=free * GIB))
    assert finding.state is state
    assert bool(finding.mend) == (state is not State.OK)


def test_work_folder(tmp_path: Path) -> None:
    work = tmp_path / "film" / ".reelwright"
    assert doctor.check_work_folder(work, Mount("/", "ext4")).state is State.OK
    assert doctor.check_work_folder(work, None).state is State.OK
    share = doctor.check_work_folder(work, Mount("/", "nfs4"))
    assert share.state is State.WARN
    assert "SQLite" in share.what
    assert "REELWRIGHT_WORK_DIR" in share.mend
    assert list(tmp_path.iterdir()) == []


def test_work_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**options: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    finding = doctor.check_work_folder(tmp_path, None)
    assert finding.state is State.FAIL
    assert "Permission denied" in finding.what


def test_blender(tmp_path: Path) -> None:
    assert doctor.check_blender(None, None).state is State.NOTE
    assert doctor.check_blender(None, "/usr/bin/blender").state is State.OK
    program = tmp_path / "blender"
    wrong = doctor.check_blender(program, "/usr/bin/blender")
    assert wrong.state is State.WARN
    assert "REELWRIGHT_BLENDER" in wrong.mend
    program.touch()
    assert str(program) in doctor.check_blender(program, None).what


def test_models() -> None:
    assert "animatics" in doctor.check_models([]).what
    assert doctor.check_models(["pocket"]).state is State.OK


def test_worst() -> None:
    def of(*states: State) -> State:
        return worst([Finding("x", state, "x") for state in states])

    assert of() is State.OK
    assert of(State.OK, State.WARN, State.NOTE) is State.WARN
    assert of(State.FAIL, State.OK) is State.FAIL


def test_examining_this_machine(tmp_path: Path) -> None:
    findings = examine(tmp_path)
    names = [finding.name for finding in findings]
    assert names[:3] == ["python", "torch", "gpu"]
    assert {"encoders", "memory", "disk", "work folder", "blender", "models"} <= set(names)
    for finding in findings:
        assert finding.what
        assert finding.mend or finding.state in (State.OK, State.NOTE)
        assert set(finding.to_json()) == {"name", "state", "what", "mend"}


def test_examining_another_machine_says_its_notes(tmp_path: Path) -> None:
    machine = replace(NVIDIA, notes=("A container limits the memory of this process.",))
    findings = examine(tmp_path, machine)
    assert findings[-1] == Finding("machine", State.NOTE, machine.notes[0])
