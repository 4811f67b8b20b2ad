"""What this machine can and cannot do, and the mend: `reelwright doctor`.

Each check takes plain facts and gives one finding, so that every outcome can be tried without the
machine that has it. Torch is never imported: its version and the build it is are read from the
files it was installed with.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata, util
from pathlib import Path

from reelwright.env import BLENDER, WORK_DIR, path_from
from reelwright.machine.disk import Mount, existing_folder, mount_of, read_mounts
from reelwright.machine.machine import GIB, Accelerator, Machine, Vendor, gigabytes
from reelwright.machine.probing import probe

ENCODERS = {
    "libx264": "mp4",
    "aac": "mp4",
    "prores_ks": "mov",
    "ffv1": "mkv and the frames between the stages",
    "flac": "mkv",
    "png": "png sequences",
}
"""Encoders that films need, with what they are for."""

_PCI_ROOT = Path("/sys/bus/pci/devices")
_PCI_DISPLAY = "0x03"
_PCI_VENDORS = {"0x10de": Vendor.NVIDIA, "0x1002": Vendor.AMD}
_OLDEST_PYTHON = (3, 11)
_DISK_FAIL, _DISK_WARN = 2 * GIB, 10 * GIB
_RAM_FAIL, _RAM_WARN = 2 * GIB, 6 * GIB
_BUILD_LINE = re.compile(r"^(cuda|hip|xpu)\b[^=]*=\s*'([^']+)'", re.MULTILINE)
_RELEASE = re.compile(r"(\d+)\.(\d+)")
_TORCH_SITE = "https://pytorch.org/get-started/locally"


class State(StrEnum):
    """How a check went."""

    OK = "ok"
    NOTE = "note"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    Attributes:
        name: What was checked, a word or two.
        state: How it went.
        what: What was found, in one sentence.
        mend: What to do about it; empty where nothing is to be done.
    """

    name: str
    state: State
    what: str
    mend: str = ""

    def to_json(self) -> dict[str, str]:
        """Plain JSON."""
        return {"name": self.name, "state": str(self.state), "what": self.what, "mend": self.mend}


@dataclass(frozen=True, slots=True)
class TorchBuild:
    """The torch that is installed.

    Attributes:
        version: Its version, e.g. `2.13.0+cpu`.
        kind: What it was built for: `cpu`, `cuda`, `hip`, `xpu` or `mps`.
    """

    version: str
    kind: str


def examine(
    root: Path, machine: Machine | None = None, models: Sequence[str] = ()
) -> tuple[Finding, ...]:
    """Check this machine.

    Args:
        root: The project's folder.
        machine: What the machine is, if it has been probed already.
        models: Names of the video models that are installed.

    Returns:
        Every finding, the good ones too.
    """
    machine = machine or probe(root)
    torch = installed_torch()
    work = path_from(WORK_DIR) or root / ".reelwright"
    return (
        check_python(sys.version_info[:3]),
        check_torch(torch, machine),
        check_accelerators(machine),
        *check_drivers(pci_vendors(_PCI_ROOT), machine),
        *check_companions(torch, {name: _version(name) for name in ("torchvision", "torchaudio")}),
        check_encoders(missing_encoders(ENCODERS)),
        check_ram(machine),
        check_disk(machine),
        check_work_folder(work, mount_of(work, read_mounts())),
        check_blender(path_from(BLENDER), shutil.which("blender")),
        check_models(models),
        *(Finding("machine", State.NOTE, note) for note in machine.notes),
    )


def worst(findings: Iterable[Finding]) -> State:
    """The gravest state among findings."""
    order = list(State)
    return max((each.state for each in findings), key=order.index, default=State.OK)


def check_python(version: tuple[int, ...]) -> Finding:
    """Whether Python is new enough."""
    words = "Python " + ".".join(str(part) for part in version)
    if version[:2] < _OLDEST_PYTHON:
        return Finding(
            "python", State.FAIL, f"{words} is too old.", "Install Python 3.11 or later."
        )
    return Finding("python", State.OK, f"{words}.")


def check_torch(torch: TorchBuild | None, machine: Machine) -> Finding:
    """Whether torch is there, and is the build for the accelerator that is there."""
    if torch is None:
        return Finding(
            "torch", State.FAIL, "PyTorch is not installed.", "Run `pip install reelwright` again."
        )
    first = machine.accelerator
    wanted = {Vendor.NVIDIA: "cuda", Vendor.AMD: "hip", Vendor.APPLE: "mps", Vendor.INTEL: "xpu"}
    if first is not None and wanted[first.vendor] != torch.kind:
        names = {"cuda": "CUDA", "hip": "ROCm", "xpu": "XPU", "mps": "macOS"}
        return Finding(
            "torch",
            State.WARN,
            f"PyTorch {torch.version} is a {torch.kind.upper()} build: {first.name} is not used.",
            f"Install the {names[wanted[first.vendor]]} build: choose it at {_TORCH_SITE} and run "
            "the command it shows.",
        )
    if first is None and torch.kind in ("cuda", "hip", "xpu"):
        return Finding(
            "torch",
            State.NOTE,
            f"PyTorch {torch.version} is built for {torch.kind.upper()} and no such GPU answers; "
            "it runs on the CPU.",
        )
    where = first.name if first is not None else "the CPU"
    return Finding("torch", State.OK, f"PyTorch {torch.version} on {where}.")


def check_accelerators(machine: Machine) -> Finding:
    """What there is to compute on, and whether its memory is taken by something else."""
    if not machine.accelerators:
        return Finding("gpu", State.NOTE, "No GPU that computes was found; the CPU does it all.")
    words = []
    for each in machine.accelerators:
        memory = gigabytes(each.vram_bytes) if each.vram_bytes is not None else "memory unknown"
        driver = f", driver {each.driver}" if each.driver else ""
        words.append(f"{each.device}: {each.name}, {memory}{driver}")
    taken = [each for each in machine.accelerators if _mostly_taken(each)]
    if taken:
        free = taken[0].vram_free_bytes or 0
        return Finding(
            "gpu",
            State.WARN,
            f"{'; '.join(words)}. Only {gigabytes(free)} of {taken[0].device} are free.",
            "Close the programs that use it (`nvidia-smi` lists them).",
        )
    return Finding("gpu", State.OK, f"{'; '.join(words)}.")


def check_drivers(on_bus: frozenset[Vendor], machine: Machine) -> tuple[Finding, ...]:
    """A GPU on the bus that no driver offers."""
    answered = {each.vendor for each in machine.accelerators}
    mends = {
        Vendor.NVIDIA: "Install the NVIDIA driver and check that `nvidia-smi` lists the GPU.",
        Vendor.AMD: "Install the amdgpu driver with ROCm, and join the groups `render` and "
        "`video` (`sudo usermod -aG render,video $USER`).",
    }
    return tuple(
        Finding(
            "driver",
            State.WARN,
            f"There is an {vendor.upper()} graphics device, but no driver for computing answers.",
            mends[vendor],
        )
        for vendor in sorted(on_bus - answered)
        if vendor in mends
    )


def check_companions(
    torch: TorchBuild | None, versions: dict[str, str | None]
) -> tuple[Finding, ...]:
    """Torchvision and torchaudio, which break everything that imports them if they do not fit."""
    findings = []
    for name, version in versions.items():
        if torch is None or version is None or _fits(name, version, torch):
            continue
        findings.append(
            Finding(
                name,
                State.NOTE,
                f"{name} {version} was not built for PyTorch {torch.version}; whatever imports "
                "it may fail.",
                f"Reelwright does not need it: `pip uninstall {name}`.",
            )
        )
    return tuple(findings)


def check_encoders(missing: dict[str, str]) -> Finding:
    """Whether films can be encoded."""
    if missing:
        words = ", ".join(f"{name} (for {use})" for name, use in missing.items())
        return Finding(
            "encoders",
            State.FAIL,
            f"PyAV has no encoder {words}.",
            "Install PyAV from PyPI, which brings its own FFmpeg: "
            "`pip install --force-reinstall --only-binary av av`.",
        )
    return Finding("encoders", State.OK, f"{', '.join(ENCODERS)}.")


def check_ram(machine: Machine) -> Finding:
    """Whether there is memory to work in."""
    words = (
        f"{gigabytes(machine.ram_free_bytes)} free of {gigabytes(machine.ram_bytes)}"
        f"{' unified' if machine.unified else ''}."
    )
    if machine.ram_free_bytes < _RAM_WARN:
        state = State.FAIL if machine.ram_free_bytes < _RAM_FAIL else State.WARN
        return Finding("memory", state, words, "Close other programs, or use a smaller size.")
    return Finding("memory", State.OK, words)


def check_disk(machine: Machine) -> Finding:
    """Whether there is room for frames."""
    words = f"{gigabytes(machine.disk_free_bytes)} free at {machine.disk_path}."
    if machine.disk_free_bytes < _DISK_WARN:
        state = State.FAIL if machine.disk_free_bytes < _DISK_FAIL else State.WARN
        return Finding(
            "disk",
            state,
            words,
            "Free some space (`reelwright clean` removes what old renders left), or set "
            f"{WORK_DIR.name} to another disk.",
        )
    return Finding("disk", State.OK, words)


def check_work_folder(work: Path, mount: Mount | None) -> Finding:
    """Whether artifacts and the journal can be kept where they would be."""
    folder = existing_folder(work)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Finding(
            "work folder",
            State.FAIL,
            f"{folder} cannot be written: {error.strerror or error}.",
            f"Make it writable, or set {WORK_DIR.name} to a folder that is.",
        )
    if mount is not None and mount.is_network:
        return Finding(
            "work folder",
            State.WARN,
            f"{work} lies on a network share ({mount.kind}), where SQLite's locks cannot be "
            "trusted.",
            f"Set {WORK_DIR.name} to a local disk.",
        )
    return Finding("work folder", State.OK, f"{work} can be written.")


def check_blender(set_to: Path | None, on_path: str | None) -> Finding:
    """Whether Blender is to be had; it is not needed."""
    if set_to is not None and not set_to.is_file():
        return Finding(
            "blender",
            State.WARN,
            f"{BLENDER.name} is {set_to}, which is not a file.",
            f"Set {BLENDER.name} to the Blender program, or unset it.",
        )
    program = str(set_to) if set_to is not None else on_path
    if program is None:
        return Finding(
            "blender", State.NOTE, "Blender was not found; the built-in stage is used.",
            f"Only for .blend scenes: install Blender, or set {BLENDER.name}.",
        )  # fmt: skip
    return Finding("blender", State.OK, f"{program}.")


def check_models(models: Sequence[str]) -> Finding:
    """Whether a video model is installed."""
    if not models:
        return Finding(
            "models",
            State.NOTE,
            "No video model is installed: films are animatics (the staged frames themselves).",
            "Name LTX-2.3 files of your own with `--checkpoint` and `--text-encoder`.",
        )
    return Finding("models", State.OK, f"{', '.join(models)}.")


def installed_torch() -> TorchBuild | None:
    """The torch that would be imported, without importing it."""
    version = _version("torch")
    spec = util.find_spec("torch") if version else None
    if version is None or spec is None or spec.origin is None:
        return None
    facts = Path(spec.origin).with_name("version.py")
    text = facts.read_text("utf-8", errors="replace") if facts.is_file() else ""
    return TorchBuild(version, torch_kind(version, text, sys.platform))


def torch_kind(version: str, text: str, system: str) -> str:
    """What a torch was built for, from its version and the text of its `version.py`."""
    for name, value in _BUILD_LINE.findall(text):
        if value:
            return str(name)
    local = version.partition("+")[2]
    for prefix, kind in (("cu", "cuda"), ("rocm", "hip"), ("xpu", "xpu")):
        if not text and local.startswith(prefix):
            return kind
    return "mps" if system == "darwin" else "cpu"


def pci_vendors(root: Path) -> frozenset[Vendor]:
    """Makers of the graphics devices on the PCI bus (Linux; empty elsewhere)."""
    found = set()
    try:
        devices = list(root.iterdir())
    except OSError:
        return frozenset()
    for device in devices:
        if _text(device / "class").startswith(_PCI_DISPLAY):
            vendor = _PCI_VENDORS.get(_text(device / "vendor"))
            if vendor is not None:
                found.add(vendor)
    return frozenset(found)


def missing_encoders(wanted: dict[str, str]) -> dict[str, str]:
    """Those of the encoders that PyAV does not have."""
    import av

    def is_missing(name: str) -> bool:
        try:
            av.codec.Codec(name, "w")
        except (ValueError, LookupError, av.error.FFmpegError):
            return True
        return False

    return {name: use for name, use in wanted.items() if is_missing(name)}


def _mostly_taken(each: Accelerator) -> bool:
    """Less than half of a device's own memory is free."""
    if each.shares_ram or each.vram_bytes is None or each.vram_free_bytes is None:
        return False
    return each.vram_free_bytes < each.vram_bytes // 2


def _fits(name: str, version: str, torch: TorchBuild) -> bool:
    """Torchvision 0.N goes with torch 2.(N - 15); torchaudio has torch's own number."""
    ours, theirs = _RELEASE.match(version), _RELEASE.match(torch.version)
    if ours is None or theirs is None:
        return True
    minor = int(ours[2]) - 15 if name == "torchvision" else int(ours[2])
    if minor != int(theirs[2]):
        return False
    # A CPU torch says so in its version; a companion without it was built for CUDA.
    cpu = torch.version.endswith("+cpu")
    return not cpu or version.endswith("+cpu") or os.name == "nt" or sys.platform == "darwin"


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""
