"""Tables, pictures and bars, for terminals and for pipes."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from rich.console import Console
from rich.text import Text

from zoo.cli import showing
from zoo.cli.exits import say
from zoo.cli.showing import Column

PLAIN = Console(file=io.StringIO(), color_system=None, width=80)
COLOURS = Console(
    file=io.StringIO(), color_system="truecolor", force_terminal=True, no_color=False, width=80
)
LEVELS = np.array([[0, 255, 0, 255], [0, 0, 255, 255], [255, 0, 127, 128]], np.uint8)


def test_two_rows_of_pixels_are_one_of_half_blocks() -> None:
    assert showing.picture(LEVELS, PLAIN).plain == " ▀▄█\n▀  ▀"


def test_a_terminal_without_blocks_gets_other_characters() -> None:
    narrow = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"), color_system=None)
    assert showing.picture(LEVELS, narrow).plain == " '.#\n'  '"
    assert showing.bars([("a", 0.5)], 10, narrow).plain == "a  #####       50.00 %"


def test_colours_show_every_grey_level() -> None:
    drawn = showing.picture(LEVELS, COLOURS)
    assert drawn.plain == "▀▀▀▀\n▀▀▀▀"
    styles = [str(span.style) for span in drawn.spans]
    assert styles[1] == "rgb(255,255,255) on rgb(0,0,0)"
    assert styles[6] == "rgb(127,127,127) on rgb(0,0,0)"


def test_bars() -> None:
    shares = [("cat", 0.5), ("elephant", 0.3125), ("ox", 0.0)]
    assert showing.bars(shares, 8, PLAIN).plain.splitlines() == [
        "     cat  ████      50.00 %",
        "elephant  ██▌       31.25 %",
        "      ox             0.00 %",
    ]


def test_a_full_bar_fits() -> None:
    assert showing.bars([("a", 1.0)], 4, PLAIN).plain == "a  ████ 100.00 %"


def test_blocks_side_by_side() -> None:
    joined = showing.beside([Text("ab\nc"), Text("d"), Text("\ne")], gap=2)
    assert joined.plain == "ab  d\nc      e"


def test_a_piped_table_has_no_width(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [["x" * 200, "1"], [Text("y", style="red"), "10"]]
    showing.print_table([Column("name"), Column("n", right=True)], rows)
    assert capsys.readouterr().out.splitlines() == [
        "name" + " " * 199 + "n",
        "x" * 200 + "   1",
        "y" + " " * 201 + "10",
    ]


def test_text_is_taken_literally(capsys: pytest.CaptureFixture[str]) -> None:
    showing.open_console().print("[bold]:smile: 12 'a'")
    assert capsys.readouterr().out == "[bold]:smile: 12 'a'\n"


def test_json_is_ascii_and_strict(capsys: pytest.CaptureFixture[str]) -> None:
    showing.print_json({"caf\u00e9": [float("nan"), (1.5, float("-inf"))], "n": np.float64("inf")})
    text = capsys.readouterr().out
    assert text.isascii()
    assert json.loads(text, parse_constant=pytest.fail) == {
        "caf\u00e9": [None, [1.5, None]],
        "n": None,
    }


@pytest.mark.parametrize("text", ["\x1b]0;owned\x07", "\x9b2J", "done\rfailed"])
def test_messages_hold_nothing_that_a_terminal_obeys(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    say(f"zoo: {text}")
    assert capsys.readouterr().err.rstrip("\n").isprintable()
