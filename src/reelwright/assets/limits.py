"""What is refused as too big before memory is taken for it."""

from __future__ import annotations

MAX_FILE_BYTES = 2**31
"""A model file or one of its buffers. A `.glb` says its length in 32 bits."""

MAX_TRIANGLES = 16_000_000
"""Triangles drawn of one prop; a shot has room for 2**24 in all."""

MAX_VERTICES = 3 * MAX_TRIANGLES
"""Vertices of one primitive."""

MAX_NODES = 100_000
"""Nodes of one prop; each is a matrix product per frame."""

MAX_PICTURE_PIXELS = 16_384 * 16_384
"""A texture as it lies in the file."""

MAX_TEXTURE_SIDE = 4096
"""A texture as it is drawn; larger ones are shrunk, and that is said."""
