"""The tokenizer that a GGUF carries: the same pieces, in the header's lists.

The header has been checked when the weights were opened; only its long lists were not kept then.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

from reelwright.engine.storage.gguf_file import ARRAY, SCALARS, STRING
from reelwright.engine.storage.tensor_file import map_bytes
from reelwright.engine.text.pieces import (
    SPACE,
    Piece,
    PieceKind,
    make_piece,
    make_tokenizer,
    refuse_pieces,
)
from reelwright.engine.text.tokenizer import Tokenizer

MAX_PIECES = 1 << 24
"""Most pieces that are believed; Gemma 3 has 262,144."""


def gguf_tokenizer(path: Path) -> Tokenizer:
    """Make the tokenizer that a GGUF carries.

    Args:
        path: The file; its header has been checked.

    Raises:
        CheckpointError: It carries none, or one that is not of Gemma's kind.
    """
    where = str(path)
    values = _gguf_values(path, where)
    model = values.get("tokenizer.ggml.model")
    if model != "llama":
        raise refuse_pieces(f"The file's tokenizer is of the kind {str(model)[:40]!r}.", where)
    lists = [values.get(f"tokenizer.ggml.{name}") for name in ("tokens", "scores", "token_type")]
    tokens, scores, kinds = (found if isinstance(found, list) else [] for found in lists)
    if not tokens or not len(tokens) == len(scores) == len(kinds):
        raise refuse_pieces("The file's vocabulary is incomplete.", where)
    pieces = [_gguf_piece(*entry, where) for entry in zip(tokens, scores, kinds, strict=True)]
    names = {"unknown": "unknown", "start": "bos", "padding": "padding"}
    ids = {ours: values.get(f"tokenizer.ggml.{name}_token_id") for ours, name in names.items()}
    unknown = (i for i, piece in enumerate(pieces) if piece.kind is PieceKind.UNKNOWN)
    return make_tokenizer(pieces, ids | {"unknown": next(unknown, ids["unknown"])}, where)


def _gguf_piece(text: object, score: object, kind: object, where: str) -> Piece:
    if not (isinstance(text, str) and isinstance(score, float) and isinstance(kind, int)):
        raise refuse_pieces("The file's vocabulary is not one.", where)
    try:
        piece = make_piece(text, score, kind)
    except ValueError as error:
        raise refuse_pieces(f"The file's vocabulary cannot be used ({error}).", where) from error
    if piece.kind is PieceKind.USER_DEFINED:
        # llama.cpp's converter writes spaces as themselves here, and a score that says nothing.
        return replace(piece, text=piece.text.replace(" ", SPACE), score=0.0)
    return piece


def _gguf_values(path: Path, where: str) -> dict[str, object]:
    """The values of a GGUF's header that speak of its tokenizer."""
    data = map_bytes(path).numpy().data
    try:
        (count,) = struct.unpack_from("<Q", data, 16)
        values: dict[str, object] = {}
        place = 24
        for _ in range(count):
            name, place = _gguf_text(data, place)
            (kind,) = struct.unpack_from("<I", data, place)
            value, place = _gguf_value(data, place + 4, kind)
            if name.startswith("tokenizer."):
                values[name] = value
    except (struct.error, ValueError, KeyError) as error:
        raise refuse_pieces(f"The file's header cannot be read ({error}).", where) from error
    return values


def _gguf_text(data: memoryview, place: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<Q", data, place)
    place += 8
    if place + length > len(data):
        raise ValueError("a text goes on past the end")
    return bytes(data[place : place + length]).decode("utf-8", errors="replace"), place + length


def _gguf_value(data: memoryview, place: int, kind: int) -> tuple[object, int]:
    if kind == STRING:
        return _gguf_text(data, place)
    if kind != ARRAY:
        code = f"<{SCALARS[kind]}"
        return struct.unpack_from(code, data, place)[0], place + struct.calcsize(code)
    inner, length = struct.unpack_from("<IQ", data, place)
    place += 12
    if length > MAX_PIECES:
        raise ValueError(f"a list has {length} entries")
    if inner == STRING:
        texts = []
        for _ in range(length):
            text, place = _gguf_text(data, place)
            texts.append(text)
        return texts, place
    code = f"<{length}{SCALARS[inner]}"
    return list(struct.unpack_from(code, data, place)), place + struct.calcsize(code)
