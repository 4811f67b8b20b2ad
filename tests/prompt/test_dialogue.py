from __future__ import annotations

import pytest

from reelwright.prompt.dialogue import dialogue_words


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", ""),
        ("  \n ", ""),
        ("We are nearly home.", 'A voice says: "We are nearly home."'),
        ("Anna: We are home.", 'Anna says: "We are home."'),
        ("ANNA: Home!\nOld Tom: At last.", 'ANNA says: "Home!" Old Tom says: "At last."'),
        ("The captain (softly): Land.", 'The captain (softly) says: "Land."'),
        ("a girl: Look at that: a gull.", 'a girl says: "Look at that: a gull."'),
        ("Listen: the bell.", 'A voice says: "Listen: the bell."'),
        ("it is late: go", 'A voice says: "it is late: go"'),
        ("Meet me at 5:30.", 'A voice says: "Meet me at 5:30."'),
        ('She whispers: "Now."', 'She whispers: "Now."'),
        ("\u201cNow,\u201d she says.", "\u201cNow,\u201d she says."),
        ("Anna: We are\nnearly home.", 'Anna says: "We are nearly home."'),
        ('He waves.\nShe calls: "Hi!"', 'A voice says: "He waves." She calls: "Hi!"'),
    ],
)
def test_who_says_what(written: str, said: str) -> None:
    assert dialogue_words(written) == said
