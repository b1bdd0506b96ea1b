"""`zoo predict`: pictures and rows of features."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.cli import showing
from zoo.cli.arguments import Json, OneRuntime, Runtime, complete_name, read_text

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image
    from rich.console import Console
    from rich.text import Text

    from zoo.manifest import Weights

_WIDEST_BAR = 30
_READER = "lenet"  # reads the pictures that are given without a name
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")  # also where there is no such file
_AROUND_EQUALS = re.compile(r"\s*=\s*")
_OPTION = re.compile(r"-[^\d.]")  # and not a negative number


def predict(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Published weights, such as lenet.mnist; lenet if a file stands first.",
            autocompletion=complete_name,
            show_default=False,
        ),
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT",
            help="Pictures; or rows of features, each as one text such as '0.5, 3, 1', "
            "'income=8.3 age=41' or '3:1 11:1'; or files of such rows; - is standard input.",
            show_default=False,
        ),
    ] = None,
    runtime: OneRuntime = Runtime.onnx,
    top: Annotated[
        int, typer.Option("--top", metavar="N", min=1, help="How many labels to show.")
    ] = 5,
    json: Json = False,
) -> None:
    """Classify pictures, or predict from rows of features.

    Pictures are shown as the network sees them: grey, cropped, fitted and centred.

    \b
    Examples:
      zoo predict digit.png
      zoo predict mlp.mnist digit.png
      zoo predict lenet.fashion_mnist *.jpg --top 3
      zoo predict logistic_regression.adult "3:1 11:1 14:1"
      cat digit.png | zoo predict lenet - --json
    """
    from zoo.errors import InputError
    from zoo.lookup import get_weights
    from zoo.pipelines import pipeline

    if _is_file(name) or name.lower().endswith(_PICTURES):
        name, inputs = _READER, [name, *(inputs or [])]
    weights = get_weights(name)
    if not inputs:
        raise typer.BadParameter("give a picture or a row of features.", param_hint="INPUT")
    if weights.task == "language-modeling":
        raise InputError(f"{weights.name} writes text: use zoo generate {name}.")
    named = list(_raw_inputs(inputs, weights))
    answers = pipeline(weights, runtime.value)([raw for _, raw in named])
    if json:
        _print_predictions_json(weights, runtime, [one for one, _ in named], answers, top)
        return
    console = showing.open_console()
    for place, ((shown, raw), answer) in enumerate(zip(named, answers, strict=True)):
        if place and weights.preprocessing["kind"] == "image":
            console.print()
        console.print(_answer(shown, raw, answer, weights, top, console))


def _raw_inputs(inputs: list[str], weights: Weights) -> Iterator[tuple[str, Any]]:
    """What each input is called, and what a pipeline takes for it."""
    pictures = weights.preprocessing["kind"] == "image"
    for one in inputs:
        if _OPTION.match(one):
            raise typer.BadParameter(f"there is no option {one!r}.", param_hint="INPUT")
        if pictures:
            yield one, _picture_from_stdin() if one == "-" else Path(one)
        else:
            yield from ((row, _features(row)) for row in _rows(one))


def _picture_from_stdin() -> Image.Image:
    from zoo.pictures import open_picture

    return open_picture(io.BytesIO(sys.stdin.buffer.read()), "Standard input")


def _rows(text: str) -> list[str]:
    from zoo.errors import InputError

    if text != "-" and not _is_file(text):
        if not _begins_with_a_number(text):
            raise InputError(f"There is no file {text!r}, and it is no row of numbers.")
        return [text]
    content = read_text(None if text == "-" else Path(text))
    rows = [line.strip() for line in content.splitlines() if line.strip()]
    if not rows:
        raise InputError(f"{'Standard input' if text == '-' else text} holds no row.")
    return rows


def _begins_with_a_number(text: str) -> bool:
    """Or may be a row of another form, with names or indices."""
    if ":" in text or "=" in text:
        return True
    try:
        float((text.replace(",", " ").split() or [""])[0])
    except ValueError:
        return text.strip().startswith(",")
    return True


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # a row too long for a file name
        return False


def _features(row: str) -> str | list[str] | dict[str, str]:
    """A libsvm line as it is, `name=value` words as a mapping, others as numbers."""
    if ":" in row:
        return row
    from zoo.feature_rows import refuse_twice, words

    if "=" not in row:
        return words(row)
    pairs = [_named_value(word) for word in _AROUND_EQUALS.sub("=", row).replace(",", " ").split()]
    refuse_twice(name for name, _ in pairs)
    return dict(pairs)


def _named_value(word: str) -> tuple[str, str]:
    from zoo.errors import InputError

    name, _, value = word.partition("=")
    if not name or not value:
        raise InputError(f"{word!r} is no name=value pair, such as 'age=41'.")
    return name, value


def _answer(
    shown: str, raw: Any, answer: Any, weights: Weights, top: int, console: Console
) -> Text:
    from rich.text import Text

    from zoo.pipelines import Estimate

    title = f"{showing.harmless(shown)}: "
    if isinstance(answer, Estimate):
        return Text.assemble(title, (showing.harmless(str(answer)), "bold"))
    share = showing.percent(answer.probability).strip()
    head = Text.assemble(title, (showing.harmless(answer.label), "bold"), f", {share}")
    shares = [(showing.harmless(label), one) for label, one in answer.top(top)]
    if weights.preprocessing["kind"] != "image":
        return Text("\n").join([head, showing.bars(shares, _WIDEST_BAR, console)])
    drawn = showing.picture(seen(raw, weights), console)
    return Text("\n").join([head, _picture_and_bars(drawn, shares, console)])


def _picture_and_bars(drawn: Text, shares: list[tuple[str, float]], console: Console) -> Text:
    from rich.text import Text

    lines = drawn.split("\n")
    longest = max(len(label) for label, _ in shares)
    room = showing.page_width(console) - lines[0].cell_len - longest - 15
    if room < 5:
        chart = showing.bars(shares, max(5, room + lines[0].cell_len), console)
        return Text("\n").join([drawn, chart])
    chart = showing.bars(shares, min(room, _WIDEST_BAR), console)
    above = max(0, (len(lines) - len(shares)) // 2)
    return showing.beside([drawn, Text("\n" * above) + chart])


def seen(raw: Any, weights: Weights) -> NDArray[Any]:
    """The picture as the network sees it: grey levels uint8 (height, width)."""
    import numpy as np

    from zoo import transforms

    identity = {**weights.preprocessing, "scale": 1.0, "mean": [0.0], "std": [1.0]}
    return np.asarray(np.rint(transforms.image(raw, identity)[0, 0]), np.uint8)


def _print_predictions_json(
    weights: Weights, runtime: Runtime, shown: list[str], answers: list[Any], top: int
) -> None:
    from zoo.pipelines import Estimate

    predictions = []
    for one, answer in zip(shown, answers, strict=True):
        if isinstance(answer, Estimate):
            predictions.append({"input": one, "value": answer.value, "unit": answer.unit})
            continue
        likeliest = [{"label": label, "probability": share} for label, share in answer.top(top)]
        predictions.append({"input": one, **likeliest[0], "top": likeliest})
    showing.print_json({"name": weights.name, "runtime": runtime.value, "predictions": predictions})
