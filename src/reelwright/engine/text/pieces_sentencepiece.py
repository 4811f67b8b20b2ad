"""The tokenizer of a sentencepiece model, whose file is a protocol buffer and read here as one.

Source: the format's description, src/sentencepiece_model.proto in github.com/google/sentencepiece.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from reelwright.engine.text.pieces import Piece, make_piece, make_tokenizer, refuse_pieces
from reelwright.engine.text.tokenizer import Tokenizer

_BPE = 2


def pieces_tokenizer(data: bytes, where: str) -> Tokenizer:
    """Make the tokenizer of a sentencepiece model.

    Args:
        data: The model's file.
        where: Where it stands, for messages.

    Raises:
        CheckpointError: It cannot be read, or is not of Gemma's kind.
    """
    try:
        pieces, trainer, normaliser = _parse_model(data)
    except (IndexError, ValueError, struct.error) as error:
        raise refuse_pieces(f"The sentencepiece model cannot be read ({error}).", where) from error
    if trainer.get(3, 1) != _BPE:
        raise refuse_pieces("The sentencepiece model is not of byte pairs.", where)
    if normaliser.get(2):
        raise refuse_pieces(
            "The sentencepiece model rewrites characters, as Gemma's does not.", where
        )
    ids = {"unknown": trainer.get(40, 0), "start": trainer.get(41, 1), "padding": trainer.get(43)}
    return make_tokenizer(pieces, ids, where)


def _parse_model(data: bytes) -> tuple[list[Piece], dict[int, int], dict[int, bytes]]:
    """The pieces, the trainer's numbers and the normaliser's texts."""
    pieces: list[Piece] = []
    trainer: dict[int, int] = {}
    normaliser: dict[int, bytes] = {}
    for field, value in _messages(data):
        if field == 1 and isinstance(value, bytes):
            pieces.append(_parse_piece(value))
        elif field == 2 and isinstance(value, bytes):
            trainer = {key: _signed(n) for key, n in _messages(value) if isinstance(n, int)}
        elif field == 3 and isinstance(value, bytes):
            normaliser = {key: text for key, text in _messages(value) if isinstance(text, bytes)}
    return pieces, trainer, normaliser


def _parse_piece(data: bytes) -> Piece:
    fields = dict(_messages(data))
    text, score, kind = fields.get(1, b""), fields.get(2, b"\0\0\0\0"), fields.get(3, 1)
    if not (isinstance(text, bytes) and isinstance(score, bytes) and isinstance(kind, int)):
        raise ValueError("a piece is not one")
    return make_piece(text.decode("utf-8"), struct.unpack("<f", score)[0], kind)


def _messages(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protocol buffer: numbers as numbers, all else as bytes."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        field, wire = key >> 3, key & 7
        if wire == 0:
            number, place = _varint(data, place)
            yield field, number
            continue
        if wire == 2:
            length, place = _varint(data, place)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError(f"field {field} is of an unknown kind")
        if place + length > len(data):
            raise ValueError("it is truncated")
        yield field, data[place : place + length]
        place += length


def _varint(data: bytes, place: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        byte = data[place]
        place += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, place
    raise ValueError("a number has no end")


def _signed(number: int) -> int:
    """Negative numbers are written as 64 bits."""
    return number - (1 << 64) if number >> 63 else number
