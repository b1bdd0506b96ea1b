"""Code to copy from a record's page: each piece runs as it stands and predicts.

What reads a picture takes `picture.png`; what runs an exported file takes the `model.onnx` that the
command before it writes.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from zoo.addresses import SEPARATOR
from zoo.manifest import Weights
from zoo.pipelines import read_vocabulary
from zoo.text import Vocabulary, detokenize, tokenize

PROMPTS = {"word": "The game was", "character": "ROMEO:\n"}
_TOKENS = 30


class Snippet(NamedTuple):
    """A title, the command to run before, and the code."""

    title: str
    before: str
    code: str


def snippets(weights: Weights) -> list[Snippet]:
    """For zoo's pipeline, Gluon, ONNX Runtime, and ONNX Runtime Web; without a graph for Gluon."""
    writes = weights.preprocessing["kind"] == "tokens"
    begun = _begun(weights) if writes else ""
    gluon = Snippet(
        "Python, Gluon", "", _gluon_writer(weights, begun) if writes else _gluon(weights)
    )
    if "onnx-graph" not in weights.artifacts:
        return [gluon]
    export = f"zoo export {shlex.quote(_called(weights))} model.onnx"
    return [
        Snippet("Python", "", _pipeline(weights)),
        gluon,
        Snippet(
            "Python, ONNX Runtime",
            export,
            _onnx_writer(weights, begun) if writes else _onnx(weights),
        ),
        Snippet(
            "JavaScript, ONNX Runtime Web",
            export,
            _javascript_writer(weights, begun) if writes else _javascript(weights),
        ),
    ]


def measuring(weights: Weights) -> str:
    """The command that measures the record again."""
    runtime = "" if "onnx-graph" in weights.artifacts else " --runtime mxnet"
    return f"zoo evaluate {shlex.quote(_called(weights))}{runtime}"


def prompt(weights: Weights) -> str:
    """The text that a language model is given: of `PROMPTS` what it can read, else its first token.

    Raises DataError, and what fetching raises.
    """
    return _prompt(weights.preprocessing["level"], read_vocabulary(weights))


def _prompt(level: str, vocabulary: Vocabulary) -> str:
    tokens = tokenize(PROMPTS[level], level)
    known = _known(tokens, vocabulary)
    if known == tokens:
        return PROMPTS[level]
    readable = (one for one in vocabulary.tokens if tokenize(one, level) == [one])
    return detokenize(known, level) or next(readable, "")


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
        given = f"{_python(prompt(weights))}, length={_TOKENS}, temperature=0.8, top_k=40"
    else:
        given = _raw(weights)
    return f"import zoo\n\nmodel = zoo.pipeline({_named(weights)})\nprint(model({given}))"


def _gluon(weights: Weights) -> str:
    kind = weights.preprocessing["kind"]
    return f"""\
import zoo
from zoo import transforms
from zoo._mxnet import mx  # imports MXNet, beside a newer NumPy too

weights = zoo.get_weights({_named(weights)})
net = zoo.get_model({_named(weights)}, pretrained=True)
net.hybridize()
data = transforms.{kind}({_raw(weights)}, weights.preprocessing)
output = net(mx.nd.array(data)).asnumpy()
print({_said(weights)})"""


def _gluon_writer(weights: Weights, begun: list[str] | str) -> str:
    return f"""\
import zoo
from zoo._mxnet import mx  # imports MXNet, beside a newer NumPy too
from zoo.pipelines import read_vocabulary

net = zoo.get_model({_named(weights)}, pretrained=True)
vocabulary = read_vocabulary(zoo.get_weights({_named(weights)}))
ids, states = vocabulary.encode({_python(begun)}), net.begin_state()
for _ in range({_TOKENS}):
    output, states = net(mx.nd.array(ids)[:, None], states)
    ids = [int(output[-1, 0].argmax(axis=0).asscalar())]
    print(vocabulary.tokens[ids[0]], end="{_space(weights)}")"""


def _onnx(weights: Weights) -> str:
    kind = weights.preprocessing["kind"]
    output, data = _python(weights.outputs[0].name), _python(weights.inputs[0].name)
    return f"""\
import onnxruntime
import zoo
from zoo import transforms  # NumPy and Pillow, no MXNet

weights = zoo.get_weights({_named(weights)})
session = onnxruntime.InferenceSession("model.onnx")
data = transforms.{kind}({_raw(weights)}, weights.preprocessing)
[output] = session.run([{output}], {{{data}: data}})
print({_said(weights)})"""


def _onnx_writer(weights: Weights, begun: list[str] | str) -> str:
    first, *states = weights.inputs
    zeros = ", ".join(
        f"{_python(one.name)}: np.zeros({_sizes(one.shape)}, np.{one.dtype})" for one in states
    )
    return f"""\
import numpy as np
import onnxruntime
import zoo
from zoo.pipelines import read_vocabulary  # no MXNet

vocabulary = read_vocabulary(zoo.get_weights({_named(weights)}))
session = onnxruntime.InferenceSession("model.onnx")
ids = vocabulary.encode({_python(begun)})
states = {{{zeros}}}
for _ in range({_TOKENS}):
    data = np.array(ids, np.{first.dtype})[:, None]
    output, *following = session.run(None, {{{_python(first.name)}: data, **states}})
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
    name, sizes = _script(weights.inputs[0].name), list(_sizes(weights.inputs[0].shape))
    return f"""\
{_OPEN}{prepared}
const data = new ort.Tensor("float32", input, {sizes});
const outputs = await session.run({{ {name}: data }});
console.log(outputs[{_script(weights.outputs[0].name)}].data);"""


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


def _javascript_writer(weights: Weights, begun: list[str] | str) -> str:
    ids = ", ".join(f"{one}n" for one in read_vocabulary(weights).encode(begun))
    first, *states = weights.inputs
    zeros = "\n".join(
        f'  {_script(one.name)}: new ort.Tensor("{one.dtype}", new Float32Array('
        f"{' * '.join(map(str, _sizes(one.shape)))}), {list(_sizes(one.shape))}),"
        for one in states
    )
    output, size = _script(weights.outputs[0].name), weights.outputs[0].shape[-1]
    return f"""\
{_OPEN}const ids = [{ids}]; // {_script(begun)}
const outputs = await session.run({{
  {_script(first.name)}: new ort.Tensor("{first.dtype}", BigInt64Array.from(ids), [ids.length, 1]),
{zeros}
}});
const scores = outputs[{output}].data.slice(-{size});
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
    vocabulary = read_vocabulary(weights)
    text = _prompt(level, vocabulary)
    if level == "character" and end is None:
        return text
    begun = [*([end] if end is not None else []), *tokenize(text, level)]
    return _known(begun, vocabulary)


def _known(tokens: Sequence[str], vocabulary: Vocabulary) -> list[str]:
    return [one for one in tokens if one in vocabulary or vocabulary.unknown is not None]


def _called(weights: Weights) -> str:
    """The name that means the record wherever zoo is: of a hub on the network with its address."""
    return f"{weights.hub}{SEPARATOR}{weights.name}" if "://" in weights.hub else weights.name


def _named(weights: Weights) -> str:
    return _python(_called(weights))


def _python(text: str | Sequence[str]) -> str:
    """Text of a record, which a stranger may have written, as a literal."""
    return json.dumps(text, ensure_ascii=False)


def _script(text: str | Sequence[str]) -> str:
    """The same for JavaScript, whose lines end at more characters than Python's."""
    return json.dumps(text)


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
