"""int8 and float16 variants beside float32: size, latency, and the metric of published weights.

    python benchmarks/variants.py --write
    python benchmarks/variants.py lenet.mnist --networks resnet50

Metrics are measured on the whole validation and test splits, as `zoo quantize` does. Latency is the
CPU time of one run on one thread, of the variant divided by that of float32, the median of pairs
of runs. `--networks` are convolutional ones of Gluon's model zoo with random weights and pictures,
of which only size and latency mean something. `--write` puts the tables into docs/quantizing.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from inference_cases import CASES, draw_inputs
from inference_networks import draw_weights, load
from pages import measured, table, write_between

from zoo.errors import ExportError
from zoo.figures import metric_value
from zoo.lookup import get_weights
from zoo.onnx import export_onnx
from zoo.onnx.published import self_contained
from zoo.onnx.quantizing import latency_ratio
from zoo.records import TensorSpec
from zoo.variants import FLOAT16, INT8, convert, make_variant

PAGE = Path(__file__).parent.parent / "docs" / "quantizing.md"
BEGIN, END = "<!-- variants -->", "<!-- end of variants -->"
PUBLISHED = ("lenet.mnist", "lenet.fashion_mnist", "lstm_lm.shakespeare", "lstm_lm.wikitext2")
NETWORKS = ("mobilenet2", "resnet50")
_TIME = 32  # steps of a language model in one run

Feeds = Mapping[str, np.ndarray]


def published_rows(name: str) -> list[list[str]]:
    """Size, latency and headline metric of each variant; or the reason of its refusal."""
    weights = get_weights(name)
    model, metric = self_contained(weights), weights.metrics[0].name
    feeds = {one.name: _zeros(one) for one in weights.inputs}
    rows = []
    for kind in (INT8, FLOAT16):
        head = [name, kind.removeprefix("onnx-")]
        try:
            found = make_variant(weights, model, kind)
        except ExportError as error:
            rows.append([*head, "refused", str(error), "", ""])
            continue
        figures = [
            f"{metric_value(metric, found.float_metrics[split][metric].value)} → "
            f"{metric_value(metric, found.metrics[split][metric].value)}"
            for split in ("validation", "test")
        ]
        rows.append([*head, *_ratios(model, found.model, feeds), *figures])
        print(*rows[-1], sep="  ", flush=True)
    return rows


def _zeros(spec: TensorSpec) -> np.ndarray:
    sizes = {"batch": 1, "time": _TIME}
    shape = [one if isinstance(one, int) else sizes[one] for one in spec.shape]
    return np.zeros(shape, spec.dtype)


def network_rows(network: str, folder: Path) -> list[list[str]]:
    """Size and latency of the variants of a network with random weights, at batch 1."""
    case = next(one for one in CASES.values() if one.network == network)
    weights, target = folder / f"{network}.params", folder / f"{network}.onnx"
    draw_weights(case, weights)
    export_onnx(load(case, weights), target, inputs=("batch", 3, 224, 224), check=False)
    model, feeds = target.read_bytes(), {"data": draw_inputs(case)[0]}
    rows = []
    for kind in (INT8, FLOAT16):
        variant = convert(model, kind, None, [feeds])
        rows.append([case.title, kind.removeprefix("onnx-"), *_ratios(model, variant, feeds)])
        print(*rows[-1], sep="  ", flush=True)
    return rows


def _ratios(model: bytes, variant: bytes, feeds: Feeds) -> list[str]:
    ratio = latency_ratio(model, variant, feeds)
    return [f"{len(variant) / 1e6:.2f} of {len(model) / 1e6:.2f} MB", f"{ratio:.2f}"]


def _read_options() -> Any:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=PUBLISHED, help="published weights")
    parser.add_argument("--networks", nargs="*", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--write", action="store_true", help="into docs/quantizing.md")
    given = parser.parse_args()
    if given.write and (set(given.names), set(given.networks)) != (set(PUBLISHED), set(NETWORKS)):
        parser.error("--write replaces both tables whole: name no weights and no networks.")
    return given


def main() -> None:
    given = _read_options()
    head = ["", "variant", "size", "latency / float32"]
    published = [[*head, "validation, float32 → variant", "test"]]
    published += [row for name in given.names for row in published_rows(name)]
    networks = [head]
    with tempfile.TemporaryDirectory() as folder:
        for name in given.networks:
            networks += network_rows(name, Path(folder))
    about = (
        f"{measured()}, one thread, "
        f"ONNX Runtime {onnxruntime.__version__}, by `python benchmarks/variants.py --write`."
    )
    if given.write:
        write_between(PAGE, BEGIN, END, [about, table(published), table(networks)])


if __name__ == "__main__":
    main()
