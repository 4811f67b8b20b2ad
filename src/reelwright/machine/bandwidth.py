"""Memory bandwidth of accelerators by name, from the makers' public specifications."""

from __future__ import annotations

import re

GB = 10**9

# Gigabytes a second. A name is matched by the first line that is in it, so the longer come first.
_SPECIFIED: tuple[tuple[str, int], ...] = (
    ("RTX 3050", 224), ("RTX 3060 Ti", 448), ("RTX 3060 Laptop", 336), ("RTX 3060", 360),
    ("RTX 3070 Ti", 608), ("RTX 3070", 448), ("RTX 3080 Ti", 912), ("RTX 3080", 760),
    ("RTX 3090 Ti", 1008), ("RTX 3090", 936),
    ("RTX 4050 Laptop", 192), ("RTX 4060 Laptop", 256), ("RTX 4060 Ti", 288), ("RTX 4060", 272),
    ("RTX 4070 Ti SUPER", 672), ("RTX 4070 Laptop", 256), ("RTX 4070", 504),
    ("RTX 4080 Laptop", 432), ("RTX 4080 SUPER", 736), ("RTX 4080", 717),
    ("RTX 4090 Laptop", 576), ("RTX 4090", 1008),
    ("RTX 5060 Laptop", 384), ("RTX 5060", 448), ("RTX 5070 Laptop", 384), ("RTX 5070 Ti", 896),
    ("RTX 5070", 672), ("RTX 5080", 960), ("RTX 5090 Laptop", 896), ("RTX 5090", 1792),
    ("RTX 6000 Ada", 960), ("RTX A6000", 768), ("RTX PRO 6000", 1792),
    ("L40S", 864), ("L40", 864), ("L4", 300), ("A10G", 600), ("A10", 600), ("T4", 300),
    ("A100-SXM4-40GB", 1555), ("A100-PCIE-40GB", 1555), ("A100", 2039), ("V100", 900),
    ("H100 NVL", 3938), ("H100 PCIe", 2039), ("H100", 3350), ("H200", 4800), ("GH200", 4800),
    ("B200", 8000), ("B300", 8000), ("GB10", 273),
    ("7900 XTX", 960), ("7900 XT", 800), ("7900 GRE", 576), ("7800 XT", 624), ("7600", 288),
    ("9070 XT", 640), ("9070", 640), ("MI210", 1638), ("MI250", 3276), ("MI300X", 5300),
    ("MI325X", 6000), ("MI355X", 8000),
    ("M1 Ultra", 800), ("M1 Max", 400), ("M1 Pro", 200), ("M1", 68),
    ("M2 Ultra", 800), ("M2 Max", 400), ("M2 Pro", 200), ("M2", 100),
    ("M3 Ultra", 819), ("M3 Max", 400), ("M3 Pro", 150), ("M3", 100),
    ("M4 Max", 546), ("M4 Pro", 273), ("M4", 120), ("M5", 153),
    ("B580", 456), ("B570", 380), ("A770", 560), ("A750", 512),
)  # fmt: skip


def bandwidth_of(name: str) -> int | None:
    """Memory bandwidth of an accelerator, bytes a second; None if its name is not known."""
    for part, gigabytes in _SPECIFIED:
        if re.search(rf"(?<![A-Za-z0-9]){re.escape(part)}(?![A-Za-z0-9])", name, re.IGNORECASE):
            return gigabytes * GB
    return None
