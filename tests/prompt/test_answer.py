from __future__ import annotations

import pytest

from reelwright.prompt.answer import faults_of, plain_text

TEXT = (
    "Style: muted colours. A small wooden boat glides toward a lighthouse. The camera slowly "
    'dollies in. Sound: waves. Anna says: "We are home."'
)
GOOD = (
    "Style: muted colours. A small wooden boat is gliding over the dark water toward a tall "
    "lighthouse while the camera slowly dollies in. Waves lap at the hull. Anna says softly, "
    '"We are home," and rests her hand on the tiller.'
)


def faults(answer: str, text: str = TEXT, max_words: int = 60) -> str:
    return " ".join(
        faults_of(plain_text(answer), text, keep=("boat", "lighthouse"), max_words=max_words)
    )


def test_a_good_answer_has_no_fault() -> None:
    assert faults(GOOD) == ""
    assert faults(TEXT) == ""
    curly = GOOD.replace('"We', "\u201cWe").replace(',"', ",\u201d")
    curly = curly.replace(" the ", "\u00a0the ")
    assert faults(f"\n {curly}\n") == ""


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("", "empty"),
        (GOOD.replace(". ", ".\n\n"), "not one paragraph"),
        (f"**{GOOD}**", "emphasis"),
        (f"`{GOOD}`", "emphasis or code"),
        (f"# {GOOD}", "heading"),
        (f"1. {GOOD}", "heading or list"),
        (f"- {GOOD}", "heading or list"),
        (f"<think>ok</think> {GOOD}", "a tag"),
        (GOOD.replace("boat", "[boat](http://x)"), "a link"),
        (GOOD.replace("water", "wa\x1b[31mter"), "control characters"),
        (GOOD + " At 0:03 it stops.", "time code"),
        (GOOD + " word" * 40, "limit is 60"),
        ("A boat and a lighthouse.", "only 5 words"),
        (GOOD.replace("We are home", "We have come home"), 'not hold the speech "We are home"'),
        (GOOD.replace('"', ""), "not hold the speech"),
        (GOOD + ' Ben says: "At last!"', 'adds the speech "At last!"'),
        (GOOD + ' "', "left open"),
        (GOOD.replace("boat", "ship"), "name the boat"),
        (
            "I am sorry, but I cannot help with a boat, a lighthouse or any other request of this "
            'kind today, as it is against my rules, "We are home." Thank you very much.',
            "leaves out too many",
        ),
    ],
)
def test_each_fault_is_named(answer: str, fault: str) -> None:
    assert fault in faults(answer)


def test_signs_that_the_director_wrote_are_no_fault() -> None:
    text = "A sign with * on it, lit from 5:30 on, beside the boat and the lighthouse."
    assert faults(text, text) == ""


def test_no_quotes_wanted_none_given() -> None:
    text = "A boat passes a lighthouse."
    assert faults("A boat slowly passes a white lighthouse.", text) == ""
    assert "adds the speech" in faults('A boat passes a lighthouse. "Ahoy!"', text)
