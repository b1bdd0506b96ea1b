"""`zoo demo`: a short tour; what it shows is computed while you watch."""

from __future__ import annotations

import math
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.cli import showing
from zoo.cli.evaluating import installed_runtimes
from zoo.cli.predicting import seen
from zoo.errors import ExportError, MissingDependencyError, UnknownModelError
from zoo.figures import file_size, metric_value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console
    from rich.text import Text

    from zoo.manifest import Weights

_GAP = 3
_INDENT = "    "
_PROMPTS = {"word": "The game was", "character": "ROMEO:\n"}
_DECODING: dict[str, dict[str, Any]] = {
    "word": {"length": 40, "temperature": 0.7, "top_k": 40, "stop": ["\n"], "seed": 1},
    "character": {"length": 240, "temperature": 0.6, "seed": 1},
}
_NEXT = (
    ("zoo list", "what is published"),
    ("zoo info lenet", "all that is known of it"),
    ("zoo predict lenet PICTURE", "a digit of your own"),
    ('zoo generate lstm_lm "The king" --temperature 0.8', "more text"),
    ("zoo evaluate lenet", "measure its accuracy again"),
    ("zoo export lenet lenet.onnx", "for any ONNX runtime"),
)
_IN_PYTHON = {
    True: 'import zoo; net = zoo.get_model("lenet", pretrained=True)',
    False: 'import zoo; classify = zoo.pipeline("lenet")',
}


def demo() -> None:
    """Take a tour: read digits, write a sentence, export to ONNX.

    Exits with 0 only if everything worked.
    """
    console = showing.open_console()
    _read_digits(console)
    _write_text(console)
    _export(console)
    _say_what_next(console)


def _heading(console: Console, title: str) -> None:
    from rich.text import Text

    console.print(Text(f"\n{title}", style="bold"))


def _note(console: Console, text: str) -> None:
    from rich.text import Text

    console.print(Text(text, style="dim"))


def _facts(weights: Weights) -> str:
    metric = weights.metrics[0]
    value = metric_value(metric.name, metric.value)
    title = metric.name.replace("_", " ")
    return f"{weights.name}: {weights.parameters:,} parameters, {metric.split} {title} {value}"


def _read_digits(console: Console) -> None:
    from zoo import samples
    from zoo.lookup import get_weights
    from zoo.pipelines import pipeline

    weights = get_weights("lenet")
    _heading(console, "A pretrained LeNet reads handwritten digits")
    _note(console, _facts(weights))
    pictures = samples.digits()
    predictions = pipeline(weights)(pictures)
    _print_tiles(_cropped([seen(path, weights) for path in pictures]), predictions, console)
    right = sum(answer.label == str(digit) for digit, answer in enumerate(predictions))
    console.print(f"\n{right} of {len(predictions)} right.")


def _print_tiles(
    pictures: Sequence[NDArray[np.uint8]], predictions: Sequence[Any], console: Console
) -> None:
    """The pictures of the digits 0, 1, 2... with what was read, in rows that fit and are equal."""
    from rich.text import Text

    width = pictures[0].shape[1]
    tiles = [
        Text("\n").join([showing.picture(one, console), _caption(answer, digit, width)])
        for digit, (one, answer) in enumerate(zip(pictures, predictions, strict=True))
    ]
    room = max(1, (showing.page_width(console) + _GAP) // (width + _GAP))
    row = math.ceil(len(tiles) / math.ceil(len(tiles) / room))
    for start in range(0, len(tiles), row):
        console.print()
        console.print(showing.beside(tiles[start : start + row], _GAP))


def _cropped(pictures: list[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """All without the rows and columns that are empty in every one."""
    import numpy as np

    inked = np.max(pictures, axis=0) > 0
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    return [one[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] for one in pictures]


def _caption(prediction: Any, digit: int, width: int) -> Text:
    from rich.text import Text

    good = prediction.label == str(digit)
    caption = f"{prediction.label}  {showing.percent(prediction.probability).strip()}"
    return Text(caption.center(width), style="green" if good else "bold red")


def _write_text(console: Console) -> None:
    from rich.text import Text

    from zoo.pipelines import pipeline

    _heading(console, "A language model continues a text")
    for place, weights in enumerate(_language_models()):
        if place:
            console.print()
        level = weights.preprocessing["level"]
        answer = pipeline(weights)(_PROMPTS[level], **_DECODING[level])
        _note(console, _facts(weights))
        written = Text.assemble((answer.prompt, "bold"), answer.text[len(answer.prompt) :])
        for line in written.wrap(console, showing.page_width(console) - len(_INDENT)):
            line.rstrip()
            console.print(Text(_INDENT) + line)


def _language_models() -> list[Weights]:
    """The first that reads words and the first that reads characters, of those published."""
    from zoo import lookup

    models = lookup.search(task="language-modeling")
    if not models:
        raise UnknownModelError("No language model is published here: the demo ends early.")
    first = {one.preprocessing["level"]: one for one in reversed(models)}
    return [first[level] for level in _PROMPTS if level in first]


def _export(console: Console) -> None:
    from zoo.lookup import get_weights

    weights = get_weights("lenet")
    _heading(console, "The same LeNet as an ONNX file")
    net, reason = _gluon_network(weights)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "lenet.onnx")
        _write_onnx(weights, net, path)
        size = file_size(path.stat().st_size)
        difference = _difference(weights, net, path)
    if difference is None:
        console.print(f"{size}, read by ONNX Runtime. Nothing to compare with: {reason}")
        return
    console.print(
        f"{size}, exported from Gluon and run by ONNX Runtime on the digits above: "
        f"the outputs differ by at most {difference:.1e}."
    )


def _gluon_network(weights: Weights) -> tuple[Any, str]:
    """The pretrained network in Gluon; without MXNet None and the reason."""
    from zoo.hub import get_model

    try:
        return get_model(weights.name, pretrained=True), ""
    except MissingDependencyError as error:
        return None, str(error)


def _write_onnx(weights: Weights, net: Any, path: Path) -> None:
    """Export the network; without one bind the published graph."""
    if net is None:
        from zoo.onnx.published import self_contained

        path.write_bytes(self_contained(weights))
    else:
        from zoo.onnx.export import export_onnx

        names = [spec.name for spec in weights.outputs]
        export_onnx(net, path, inputs=weights.inputs, names=names)


def _difference(weights: Weights, net: Any, path: Path) -> float | None:
    """The largest difference between the file's outputs for the digits and the network's."""
    import numpy as np

    from zoo import samples
    from zoo.onnx.sessions import open_session
    from zoo.pipelines import prepare

    inputs = prepare(samples.digits(), weights)
    session = open_session(path.read_bytes())
    [outputs] = session.run(None, {session.get_inputs()[0].name: inputs})
    if net is None:
        return None
    from zoo._mxnet import mx

    difference = float(np.max(np.abs(net(mx.nd.array(inputs)).asnumpy() - outputs)))
    if not difference <= weights.golden.tolerance:
        raise ExportError(f"ONNX Runtime and Gluon differ by {difference:.1e}: please report it.")
    return difference


def _say_what_next(console: Console) -> None:
    from rich.text import Text

    _heading(console, "Try next")
    commands = (*_activation(), *_NEXT)
    width = max(len(command) for command, _ in commands)
    for command, purpose in commands:
        console.print(Text.assemble((command.ljust(width), "green"), "  ", (purpose, "dim")))
    in_python = _IN_PYTHON["mxnet" in installed_runtimes()]
    console.print(Text.assemble(("In Python: ", "dim"), (in_python, "green")))


def _activation() -> tuple[tuple[str, str], ...]:
    """How to put `zoo` on the path, where it is in a virtual environment and not there yet."""
    script = Path(sys.prefix, "bin", "activate")
    if shutil.which("zoo") or sys.prefix == sys.base_prefix or not script.is_file():
        return ()
    near = script.relative_to(Path.cwd()) if script.is_relative_to(Path.cwd()) else script
    return ((f". {near}", "finds the commands below"),)
