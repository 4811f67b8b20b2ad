"""AMD and Intel devices, as the Linux kernel shows them."""

from __future__ import annotations

from pathlib import Path

from reelwright.machine.bandwidth import bandwidth_of
from reelwright.machine.formats import INTEL, amd_architecture
from reelwright.machine.machine import GIB, Accelerator, Vendor

DRM_ROOT = Path("/sys/class/drm")
KFD_ROOT = Path("/sys/class/kfd/kfd/topology/nodes")

_AMD_VENDOR = "0x1002"
_INTEL_VENDOR = "0x8086"
_INTEL_DISCRETE = ("0x56", "0xe2")  # Alchemist, Battlemage; what is built into a CPU is too slow
_SMALL_CARVE_OUT = 4 * GIB


def probe_amd(drm: Path = DRM_ROOT, kfd: Path = KFD_ROOT) -> tuple[Accelerator, ...]:
    """AMD devices that the compute driver (KFD) offers, in its order, as ROCm counts them.

    Args:
        drm: Where the kernel lists graphics cards.
        kfd: Where it lists compute nodes.
    """
    cards = {minor: card for card in _cards(drm, _AMD_VENDOR) if (minor := _render_minor(card))}
    found: list[Accelerator] = []
    for node in sorted(_children(kfd), key=lambda path: _to_int(path.name)):
        facts = _properties(node / "properties")
        version = facts.get("gfx_target_version", 0)
        if not version:
            continue  # a CPU
        card = cards.get(facts.get("drm_render_minor", 0))
        found.append(_amd_accelerator(len(found), gfx_name(version), card))
    return tuple(found)


def gfx_name(version: int) -> str:
    """The target's name from KFD's number: 110000 is `gfx1100`, 90010 is `gfx90a`."""
    major, minor, step = version // 10000, version // 100 % 100, version % 100
    return f"gfx{major}{minor:x}{step:x}"


def probe_intel(drm: Path = DRM_ROOT) -> tuple[Accelerator, ...]:
    """Intel's discrete cards. Their memory is not shown by the kernel, so it stays unknown."""
    devices = [_text(card / "device" / "device") for card in _cards(drm, _INTEL_VENDOR)]
    cards = [device for device in devices if device.startswith(_INTEL_DISCRETE)]
    return tuple(
        Accelerator(
            index=index,
            name=f"Intel Arc ({device})",
            vendor=Vendor.INTEL,
            arch=INTEL.name,
            formats=INTEL.formats,
            product=INTEL.product,
        )
        for index, device in enumerate(cards)
    )


def _amd_accelerator(index: int, gfx: str, card: Path | None) -> Accelerator:
    arch = amd_architecture(gfx)
    device = card / "device" if card else None
    name = (_text(device / "product_name") if device else "") or f"AMD {gfx}"
    total = _number(device / "mem_info_vram_total") if device else None
    used = _number(device / "mem_info_vram_used") if device else None
    if arch.unified and total is not None and total < _SMALL_CARVE_OUT:
        total = used = None  # a laptop's carve-out; what it can really use is main memory
    return Accelerator(
        index=index,
        name=name,
        vendor=Vendor.AMD,
        arch=arch.name or gfx,
        vram_bytes=total,
        vram_free_bytes=total - used if total is not None and used is not None else None,
        bandwidth_bytes_s=bandwidth_of(name),
        formats=arch.formats,
        product=arch.product,
        driver=_text(Path("/sys/module/amdgpu/version")),
        shares_ram=arch.unified and total is None,
    )


def _cards(drm: Path, vendor: str) -> list[Path]:
    cards = [path for path in _children(drm) if path.name.startswith("card")]
    plain = [path for path in cards if path.name.removeprefix("card").isdecimal()]
    ordered = sorted(plain, key=lambda path: _to_int(path.name.removeprefix("card")))
    return [card for card in ordered if _text(card / "device" / "vendor") == vendor]


def _render_minor(card: Path) -> int:
    """Number of a card's render node, by which KFD knows it; 0 if it has none."""
    names = [path.name for path in _children(card / "device" / "drm")]
    return next(
        (_to_int(name.removeprefix("renderD")) for name in names if name.startswith("renderD")), 0
    )


def _children(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []  # no such driver here


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdecimal() else None


def _to_int(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _properties(path: Path) -> dict[str, int]:
    rows = (line.split() for line in _text(path).splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdecimal()}
