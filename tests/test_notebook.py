"""The notebook in docs: every cell runs, and says what is written below it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from zoo import get_weights

pytest.importorskip("zoo._mxnet", reason="the notebook needs MXNet", exc_type=ImportError)
pytest.importorskip("matplotlib", reason="the notebook needs the extra train")

PATH = Path(__file__).parent.parent / "docs" / "from-a-neuron-to-the-lstm.ipynb"
CELLS = [one for one in json.loads(PATH.read_text("utf-8"))["cells"] if one["cell_type"] == "code"]
NUMBER = re.compile(r"\d[\d,]*\.?\d*")
CLOSE = 0.05  # trained on another processor

RUN = """
import ast, contextlib, io, json, sys
names = {}
for source in json.load(sys.stdin):
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(tree, "cell", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None
    shown = value._repr_html_() if hasattr(value, "_repr_html_") else None
    print(json.dumps([printed.getvalue(), shown]))
"""


def written(cell: dict[str, Any], kind: str) -> str:
    """The kept text of a cell, `stream` or that of its result."""
    texts = []
    for one in cell["outputs"]:
        if kind == "stream" and one["output_type"] == "stream":
            texts += one["text"]
        elif kind in one.get("data", {}):
            texts += one["data"][kind]
    return "".join(texts)


def shape(text: str) -> str:
    """The text with a mark for each number, whose width may differ."""
    return re.sub(r"\s+", " ", NUMBER.sub("#", text))


def numbers(text: str) -> list[float]:
    return [float(one.replace(",", "")) for one in NUMBER.findall(text)]


@pytest.mark.usefixtures("data_mirror")
def test_every_cell_runs_and_says_what_is_written_below_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(["".join(one["source"]) for one in CELLS]),
        capture_output=True,
        text=True,
        cwd=PATH.parent,
        env=os.environ | {"MPLBACKEND": "Agg"},
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    for cell, (printed, shown) in zip(CELLS, answers, strict=True):
        kept = written(cell, "stream")
        assert shape(printed) == shape(kept)
        assert numbers(printed) == pytest.approx(numbers(kept), rel=CLOSE, abs=CLOSE)
        assert (shown is None) == (written(cell, "text/html") == "")


def test_every_cell_was_executed_in_order_without_an_error() -> None:
    assert [one["execution_count"] for one in CELLS] == list(range(1, len(CELLS) + 1))
    kinds = {output["output_type"] for one in CELLS for output in one["outputs"]}
    assert kinds == {"stream", "execute_result", "display_data"}


def test_figures_of_published_weights_are_those_of_the_newest() -> None:
    told = re.findall(
        r"^(\S+) +([\d,]+) parameters +([\d.]+)% right$",
        "".join(written(one, "stream") for one in CELLS),
        re.MULTILINE,
    )
    assert len(told) == 3
    for name, parameters, right in told:
        found = get_weights(name)
        assert parameters == f"{found.parameters:,}"
        assert right == f"{100 * found.metrics[0].value:.2f}"
