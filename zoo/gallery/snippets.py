"""Code to copy from a record's page: each piece runs as it stands and predicts.

What reads a picture takes `picture.png`; what runs an exported file takes the `model.onnx` that the
command before it writes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from zoo.manifest import Weights
from zoo.pipelines import read_vocabulary
from zoo.text import tokenize

PROMPTS = {"word": "The game was", "character": "ROMEO:\n"}
_TOKENS = 30


class Snippet(NamedTuple):
    """A title, the command to run before, and the code."""

    title: str
    before: str
    code: str


def snippets(weights: Weights) -> list[Snippet]:
    """For zoo's pipeline, Gluon, ONNX Runtime, and ONNX Runtime Web."""
    writes = weights.preprocessing["kind"] == "tokens"
    export = f"zoo export {weights.name} model.onnx"
    return [
        Snippet("Python", "", _pipeline(weights)),
        Snippet("Python, Gluon", "", _gluon_writer(weights) if writes else _gluon(weights)),
        Snippet(
            "Python, ONNX Runtime", export, _onnx_writer(weights) if writes else _onnx(weights)
        ),
        Snippet(
            "JavaScript, ONNX Runtime Web",
            export,
            _javascript_writer(weights) if writes else _javascript(weights),
        ),
    ]


def example(weights: Weights) -> list[float]:
    """A row of features as the pipeline takes it: the numbers, or where the features are switches
    without names the indices, from 1, of those that are on."""
    row = weights.golden.input[0]
    if _has_switches(weights):
        return [at + 1 for at, value in enumerate(row) if value]
    return _short(row)


def _pipeline(weights: Weights) -> str:
    kind = weights.preprocessing["kind"]
    if kind == "tokens":
        prompt = json.dumps(PROMPTS[weights.preprocessing["level"]])
        given = f"{prompt}, length={_TOKENS}, temperature=0.8, top_k=40"
    else:
        given = _raw(weights)
    return f'import zoo\n\nmodel = zoo.pipeline("{weights.name}")\nprint(model({given}))'


def _gluon(weights: Weights) -> str:
    kind = weights.preprocessing["kind"]
    return f"""\
import zoo
from zoo import transforms
from zoo._mxnet import mx  # imports MXNet, beside a newer NumPy too

weights = zoo.get_weights("{weights.name}")
net = zoo.get_model("{weights.name}", pretrained=True)
net.hybridize()
data = transforms.{kind}({_raw(weights)}, weights.preprocessing)
output = net(mx.nd.array(data)).asnumpy()
print({_said(weights)})"""


def _gluon_writer(weights: Weights) -> str:
    return f"""\
import zoo
from zoo._mxnet import mx  # imports MXNet, beside a newer NumPy too
from zoo.pipelines import read_vocabulary

net = zoo.get_model("{weights.name}", pretrained=True)
vocabulary = read_vocabulary(zoo.get_weights("{weights.name}"))
ids, states = vocabulary.encode({json.dumps(_begun(weights))}), net.begin_state()
for _ in range({_TOKENS}):
    output, states = net(mx.nd.array(ids)[:, None], states)
    ids = [int(output[-1, 0].argmax(axis=0).asscalar())]
    print(vocabulary.tokens[ids[0]], end="{_space(weights)}")"""


def _onnx(weights: Weights) -> str:
    kind = weights.preprocessing["kind"]
    return f"""\
import onnxruntime
import zoo
from zoo import transforms  # NumPy and Pillow, no MXNet

weights = zoo.get_weights("{weights.name}")
session = onnxruntime.InferenceSession("model.onnx")
data = transforms.{kind}({_raw(weights)}, weights.preprocessing)
[output] = session.run(["{weights.outputs[0].name}"], {{"{weights.inputs[0].name}": data}})
print({_said(weights)})"""


def _onnx_writer(weights: Weights) -> str:
    first, *states = weights.inputs
    zeros = ", ".join(
        f'"{one.name}": np.zeros({_sizes(one.shape)}, np.{one.dtype})' for one in states
    )
    return f"""\
import numpy as np
import onnxruntime
import zoo
from zoo.pipelines import read_vocabulary  # no MXNet

vocabulary = read_vocabulary(zoo.get_weights("{weights.name}"))
session = onnxruntime.InferenceSession("model.onnx")
ids = vocabulary.encode({json.dumps(_begun(weights))})
states = {{{zeros}}}
for _ in range({_TOKENS}):
    data = np.array(ids, np.{first.dtype})[:, None]
    output, *following = session.run(None, {{"{first.name}": data, **states}})
    states = dict(zip(states, following))
    ids = [output[-1, 0].argmax()]
    print(vocabulary.tokens[ids[0]], end="{_space(weights)}")"""


_OPEN = """\
import * as ort from "onnxruntime-web";

const session = await ort.InferenceSession.create("model.onnx");
"""


def _javascript(weights: Weights) -> str:
    picture = weights.preprocessing["kind"] == "image"
    prepared = _javascript_picture(weights) if picture else _javascript_row(weights)
    name, sizes = weights.inputs[0].name, list(_sizes(weights.inputs[0].shape))
    return f"""\
{_OPEN}{prepared}
const data = new ort.Tensor("float32", input, {sizes});
const outputs = await session.run({{ "{name}": data }});
console.log(outputs["{weights.outputs[0].name}"].data);"""


def _javascript_picture(weights: Weights) -> str:
    use = weights.preprocessing
    pixels = " * ".join(map(str, use["size"]))
    scale, mean, std = f"{use['scale']:.6g}", list(use["mean"]), list(use["std"])
    if use["channels"] == 1:
        return f"""\
const levels = new Float32Array({pixels}); // your picture's grey levels, 0 to 255
const input = levels.map((level) => (level * {scale} - {mean[0]}) / {std[0]});"""
    return f"""\
const levels = new Float32Array({use["channels"]} * {pixels}); // your picture, plane by plane
const [mean, std] = [{mean}, {std}];
const plane = (at) => Math.floor(at / ({pixels}));
const input = levels.map((level, at) => (level * {scale} - mean[plane(at)]) / std[plane(at)]);"""


def _javascript_row(weights: Weights) -> str:
    use, row = weights.preprocessing, example(weights)
    if _has_switches(weights):
        return f"""\
const input = new Float32Array({use["count"]});
for (const feature of {row}) input[feature - 1] = 1;"""
    if "mean" not in use:
        return f"const input = Float32Array.from({row});"
    return f"""\
const row = {row};
const mean = {_short(use["mean"], 7)};
const std = {_short(use["std"], 7)};
const input = Float32Array.from(row, (value, at) => (value - mean[at]) / std[at]);"""


def _javascript_writer(weights: Weights) -> str:
    begun = _begun(weights)
    ids = ", ".join(f"{one}n" for one in read_vocabulary(weights).encode(begun))
    first, *states = weights.inputs
    zeros = "\n".join(
        f'  "{one.name}": new ort.Tensor("{one.dtype}", new Float32Array('
        f"{' * '.join(map(str, _sizes(one.shape)))}), {list(_sizes(one.shape))}),"
        for one in states
    )
    output, size = weights.outputs[0].name, weights.outputs[0].shape[-1]
    return f"""\
{_OPEN}const ids = [{ids}]; // {json.dumps(begun)}
const outputs = await session.run({{
  "{first.name}": new ort.Tensor("{first.dtype}", BigInt64Array.from(ids), [ids.length, 1]),
{zeros}
}});
const scores = outputs["{output}"].data.slice(-{size});
console.log(scores.indexOf(Math.max(...scores))); // the number of the next token"""


def _raw(weights: Weights) -> str:
    return '"picture.png"' if weights.preprocessing["kind"] == "image" else repr(example(weights))


def _said(weights: Weights) -> str:
    """Python for what an `output` means."""
    if not weights.labels:
        return "output[0]"
    if weights.task == "tabular-regression":
        return "output[0, 0], weights.labels[0]"
    if weights.outputs[0].shape[-1] == 1:
        return "weights.labels[int(output[0, 0] > 0)]"
    return "weights.labels[output[0].argmax()]"


def _begun(weights: Weights) -> list[str] | str:
    """The tokens of the prompt, a line's beginning before them where the model knows one."""
    level, end = weights.preprocessing["level"], weights.preprocessing["end"]
    if level == "character":
        return PROMPTS[level]
    return [*([end] if end else []), *tokenize(PROMPTS[level], level)]


def _space(weights: Weights) -> str:
    return "" if weights.preprocessing["level"] == "character" else " "


def _has_switches(weights: Weights) -> bool:
    known = "names" in weights.preprocessing or "mean" in weights.preprocessing
    return not known and bool(np.isin(weights.golden.input[0], (0, 1)).all())


def _sizes(shape: Sequence[int | str]) -> tuple[int, ...]:
    """The shape with one for every free axis."""
    return tuple(one if isinstance(one, int) else 1 for one in shape)


def _short(numbers: Sequence[float] | np.ndarray, digits: int = 4) -> list[float]:
    return [float(f"{one:.{digits}g}") for one in numbers]
