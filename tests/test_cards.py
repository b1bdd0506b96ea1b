"""Records and answers as notebooks show them."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser

import pytest
from records import record

from zoo import cards, samples
from zoo.manifest import Weights
from zoo.pipelines import Estimate, Generation, Prediction, pipeline

pytest_plugins = ["hubs"]

HOSTILE = '<script>alert("x")</script>&'


class Reader(HTMLParser):
    """The texts of a piece of HTML and the names of its elements; every one must be closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: set[str] = set()
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.elements.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_a_record_shows_its_facts() -> None:
    weights = Weights.from_json(record(description=HOSTILE))
    found = Reader(weights._repr_html_())
    assert found.texts[:2] == [weights.name, HOSTILE]
    rows = dict(zip(found.texts[2::2], found.texts[3::2], strict=True))
    assert rows["task"] == weights.task
    assert rows["parameters"] == f"{weights.parameters:,}"
    assert rows["paper"] == weights.paper
    assert all(one.file in rows["files"] for one in weights.artifacts.values())
    assert "script" not in found.elements


def test_a_prediction_shows_its_bars(hub: Mapping[str, Weights]) -> None:
    answer = pipeline(hub["lenet.tiny"])(samples.digits()[7])
    found = Reader(answer._repr_html_())
    assert found.texts[0] == str(answer)
    shown = [part for label, share in answer.top() for part in (label, f"{100 * share:.2f} %")]
    assert found.texts[1:] == [*shown, "and 5 more"]


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_bar_is_as_wide_as_its_share(share: float) -> None:
    html = Prediction("yes", share, {"yes": share})._repr_html_()
    assert f";width:{100 * share:.1f}%" in html
    assert "more" not in html


def test_an_estimate_shows_its_unit() -> None:
    assert Reader(Estimate(2.5, "dollars")._repr_html_()).texts == ["2.500", " x dollars"]
    assert Reader(Estimate(2.5, "")._repr_html_()).texts == ["2.500"]


def test_a_generation_shows_where_the_prompt_ends() -> None:
    answer = Generation("To be", "To be, or\n<not>", (",", "or"))
    found = Reader(answer._repr_html_())
    assert found.texts == ["To be", ", or\n<not>"]
    assert "not" not in found.elements


def test_every_text_is_escaped() -> None:
    for html in (
        cards.facts(HOSTILE, HOSTILE, {HOSTILE: HOSTILE}),
        cards.bars(HOSTILE, [(HOSTILE, 0.5)]),
        cards.text(HOSTILE, HOSTILE),
    ):
        found = Reader(html)
        assert "script" not in found.elements
        assert HOSTILE in found.texts
