"""Draw the confusion matrix and the most confident mistakes of every published classifier.

    python scripts/draw_mistakes.py [NAME ...]

Runs the published bytes on ONNX Runtime over the test split and writes, in docs/models/,
`NAME.json` (what the gallery shows), `NAME.png` and the page README.md. Without names, those
records whose weights are not the ones that a file there was measured from.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import zoo
from zoo.atomic import write_atomically
from zoo.data.dataset import Split
from zoo.errors import ZooError
from zoo.evaluation import read_split
from zoo.manifest import Weights
from zoo.pipelines import prepare
from zoo.runtimes import open_runner

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "models"
MOST = 12  # mistakes shown
COLOURS = "GnBu"
COMMAND = "python scripts/draw_mistakes.py"


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw what published classifiers get wrong.")
    parser.add_argument("names", metavar="NAME", nargs="*", help="by default all that are stale")
    names = parser.parse_args().names
    FOLDER.mkdir(exist_ok=True)
    for weights in map(classifier, names) if names else stale():
        found = measured(weights)
        write_atomically(place(weights).with_suffix(".png"), drawing(weights.name, found))
        write_atomically(place(weights), text(found).encode())  # last: it says that both are new
        print(f"{weights.name}: {sum_of_mistakes(found):,} mistakes in {found['n']:,}")
    write_atomically(FOLDER / "README.md", page().encode())


def classifiers() -> Iterator[Weights]:
    """The published records that choose among labels."""
    every = (zoo.get_weights(name) for name in zoo.list_weights())
    return (one for one in every if chooses(one))


def classifier(name: str) -> Weights:
    """The record of that name. Raises ZooError where there is none that chooses among labels."""
    weights = zoo.get_weights(name)
    if not chooses(weights):
        raise ZooError(f"{weights.name} does {weights.task}: only classifiers make such mistakes.")
    return weights


def chooses(weights: Weights) -> bool:
    return weights.task.endswith("-classification")


def place(weights: Weights) -> Path:
    """Where a record's confusion matrix and mistakes are."""
    return FOLDER / f"{weights.name}.json"


def stale() -> Iterator[Weights]:
    """The classifiers that have no file, or one that was measured from other weights."""
    for weights in classifiers():
        digest = weights.artifact("safetensors").sha256
        path = place(weights)
        drawn = path.is_file() and path.with_suffix(".png").is_file()
        if not drawn or json.loads(path.read_text("utf-8"))["sha256"] != digest:
            yield weights


def measured(weights: Weights) -> dict[str, Any]:
    """The confusion matrix, a row for each true label, and the most confident mistakes."""
    metric = weights.metrics[0]
    data = read_split(weights, metric.dataset, metric.split)
    assert isinstance(data, Split)
    logits = open_runner(weights).run_rows(prepare(data.inputs, weights)).astype(np.float64)
    shares = probabilities(logits)
    said, truth = shares.argmax(axis=1), data.targets.astype(np.int64)
    confusion = np.zeros([shares.shape[1]] * 2, np.int64)
    np.add.at(confusion, (truth, said), 1)
    wrong = np.flatnonzero(said != truth)
    worst = wrong[np.argsort(-shares[wrong, said[wrong]], kind="stable")][:MOST]
    return {
        "name": weights.name,
        "sha256": weights.artifact("safetensors").sha256,
        "dataset": metric.dataset,
        "split": metric.split,
        "n": len(truth),
        "labels": list(weights.labels or ()),
        "confusion": confusion.tolist(),
        "mistakes": [
            {
                "index": int(at),
                "truth": int(truth[at]),
                "said": int(said[at]),
                "probability": round(float(shares[at, said[at]]), 4),
            }
            for at in worst
        ],
        "pictures": strip(data.inputs[worst]) if data.inputs.ndim >= 3 else None,
    }


def text(found: Mapping[str, Any]) -> str:
    """JSON with a line for each field."""
    lines = (f" {json.dumps(name)}: {json.dumps(value)}" for name, value in found.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Softmax of each row; a single logit is that of the second of two classes."""
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)


def strip(pictures: NDArray[np.uint8]) -> str:
    """Pictures side by side as one PNG, in base64."""
    grey = pictures.reshape(len(pictures), *pictures.shape[-2:])
    stream = io.BytesIO()
    Image.fromarray(np.hstack(list(grey))).save(stream, "PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode("ascii")


def sum_of_mistakes(found: Mapping[str, Any]) -> int:
    """What is off the diagonal."""
    confusion = np.array(found["confusion"])
    return int(confusion.sum() - np.trace(confusion))


def drawing(name: str, found: Mapping[str, Any]) -> bytes:
    """The matrix, and beside it the pictures, as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pictures = found["pictures"]
    figure = pyplot.figure(figsize=(11, 5.4) if pictures else (4.6, 3.8), layout="constrained")
    left, *right = figure.subfigures(1, 2, width_ratios=[1.15, 1]) if pictures else [figure]
    _draw_matrix(left.subplots(), name, found)
    if right:
        _draw_mistakes(right[0], found)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    pyplot.close(figure)
    return stream.getvalue()


def _draw_matrix(axes: Any, name: str, found: Mapping[str, Any]) -> None:
    counts = np.array(found["confusion"])
    shares = counts / counts.sum(axis=1, keepdims=True)
    axes.imshow(np.sqrt(shares), cmap=COLOURS, vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.5 else "#333333"
            axes.text(column, row, count, ha="center", va="center", fontsize=7.5, color=colour)
    labels = found["labels"]
    slant = 0 if max(map(len, labels)) < 3 else 40
    axes.set_xticks(range(len(labels)), labels, rotation=slant, ha="right" if slant else "center")
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="the model says", ylabel="it is", title=f"{name}, {found['dataset']} test")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=8)


def _draw_mistakes(figure: Any, found: Mapping[str, Any]) -> None:
    figure.suptitle("most confident mistakes", fontsize=12)
    row = np.asarray(Image.open(io.BytesIO(base64.b64decode(found["pictures"]))))
    pictures = np.split(row, row.shape[1] // row.shape[0], axis=1)
    panels = figure.subplots(3, MOST // 3, squeeze=False).flat
    for panel in panels:
        panel.axis("off")
    for panel, picture, one in zip(figure.axes, pictures, found["mistakes"], strict=False):
        said, truth = found["labels"][one["said"]], found["labels"][one["truth"]]
        panel.imshow(picture, cmap="gray_r", vmin=0, vmax=255)
        panel.set_title(f"says {said}\n{one['probability']:.1%}, is {truth}", fontsize=8)


def page() -> str:
    """README.md beside the pictures."""
    lines = [
        "# What the classifiers get wrong",
        "",
        "Rows of a matrix are what an example is, columns what the model says; beside it are the",
        "mistakes that it was surest of. Measured from the published bytes on the test split by",
        f"`{COMMAND}`, which also writes this page.",
    ]
    for weights in classifiers():
        if not place(weights).is_file():
            raise ZooError(f"{weights.name} is not drawn yet: {COMMAND} draws all that are stale.")
        found = json.loads(place(weights).read_text("utf-8"))
        count = f"{sum_of_mistakes(found):,} of {found['n']:,} are wrong."
        lines += ["", f"## {weights.name}", "", count, ""]
        lines += [f"![The confusion matrix of {weights.name}]({weights.name}.png)"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    try:
        main()
    except ZooError as error:
        sys.exit(str(error))
