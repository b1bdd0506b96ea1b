"""Records -> the pages of the gallery."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from zoo import __version__, samples
from zoo.errors import MissingDependencyError
from zoo.fetching import read_artifact
from zoo.figures import file_size, metric_value
from zoo.gallery import architecture, charts, forms, mistakes, onnxruntime_web
from zoo.gallery.serving import POLICY
from zoo.manifest import Weights

_TITLES = {
    "r2": "R²",
    "mean_squared_error": "mean squared error",
    "nats_per_character": "nats per character",
}
_PROMPTS = {"word": "The game was", "character": "ROMEO:\n"}
_FETCHED = ("safetensors", "onnx-graph", "vocabulary")
_NOTES = {
    "adult": "The model repeats what the census of 1994 recorded, its inequalities included: "
    "a reason not to decide about people with such a model."
}
_LENGTHS = {"word": (20, 200, 60), "character": (50, 600, 300)}


def render(records: Iterable[Weights], logs: Path) -> Iterator[tuple[str, str]]:
    """The place of each page and its HTML. `logs` is the folder above the training logs."""
    everyone = list(records)
    environment = _environment()
    digits = [one for one in everyone if _is_picture(one) and one.metrics[0].dataset == "mnist"]
    shared = {"policy": POLICY, "version": __version__}
    yield (
        "index.html",
        environment.get_template("index.html").render(
            **shared,
            root="",
            cards=[_card(one) for one in everyone],
            tasks=_distinct(one.task for one in everyone),
            datasets=_distinct(one.metrics[0].dataset for one in everyone),
            demo=_picture_demo(digits) if digits else None,
        ),
    )
    template = environment.get_template("record.html")
    for one in everyone:
        page = template.render(**shared, root="../", **_record(one, everyone, logs))
        yield f"models/{one.name}.html", page


@cache
def _environment() -> Any:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError:
        raise MissingDependencyError(
            'The gallery needs Jinja: pip install "gluon-zoo[gallery]".'
        ) from None
    environment = Environment(
        loader=PackageLoader("zoo.gallery"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["script_json"] = _script_json
    return environment


def _script_json(value: Any) -> Any:
    """JSON that may stand in a script element."""
    from markupsafe import Markup

    return Markup(json.dumps(value, ensure_ascii=False).replace("<", "\\u003c"))


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _download(*models: Weights) -> str:
    """What a demonstration fetches, in words."""
    files = [one for weights in models for one in weights.artifacts.values()]
    size = sum(one.size for one in files if one.kind in _FETCHED)
    runtime = sum(one["size"] for one in onnxruntime_web.pinned()["files"].values())
    return f"{file_size(size)} of weights and {file_size(runtime)} of runtime"


def _card(weights: Weights) -> Mapping[str, Any]:
    metric = weights.metrics[0]
    return {
        "weights": weights,
        "summary": weights.description.partition(". ")[0].rstrip(".") + ".",
        "metric": _title(metric.name),
        "value": metric_value(metric.name, metric.value),
        "error": _standard_error(metric.name, metric.standard_error),
        "data": metric.dataset,
        "parameters": f"{weights.parameters:,}",
        "size": file_size(weights.artifact("safetensors").size),
    }


def _title(metric: str) -> str:
    return _TITLES.get(metric, metric.replace("_", " "))


def _standard_error(metric: str, error: float | None) -> str:
    return "" if error is None else metric_value(metric, error).removesuffix(" %")


def _record(weights: Weights, everyone: Sequence[Weights], logs: Path) -> Mapping[str, Any]:
    return {
        **_card(weights),
        "demo": _demo(weights, everyone),
        "architecture": _architecture(weights),
        "curves": _curves(weights, logs),
        "confusion": mistakes.read(weights, logs),
        "metrics": _metrics(weights),
        "runtimes": _distinct(name for one in weights.metrics for name in one.runtimes),
        "facts": _facts(weights),
        "snippets": _snippets(weights),
        "files": [_file(weights, kind) for kind in weights.artifacts],
        "reproduce": weights.provenance["command"],
        "data_digests": weights.provenance.get("data", {}),
    }


def _is_picture(weights: Weights) -> bool:
    return weights.preprocessing["kind"] == "image" and bool(weights.labels)


def _demo(weights: Weights, everyone: Sequence[Weights]) -> Mapping[str, Any] | None:
    if _is_picture(weights):
        dataset = weights.metrics[0].dataset
        same = [one for one in everyone if _is_picture(one) and one.metrics[0].dataset == dataset]
        return _picture_demo(same, weights)
    if weights.preprocessing["kind"] == "tokens":
        level = weights.preprocessing["level"]
        prompt, (least, most, length) = _PROMPTS[level], _LENGTHS[level]
        bounds = {"least": least, "most": most, "length": length}
        return {
            "kind": "writing",
            "model": weights.name,
            "prompt": prompt,
            "download": _download(weights),
            **bounds,
        }
    controls = forms.controls(weights)
    if not controls:
        return None
    unit = forms.unit(weights)
    use = {"preprocessing": weights.preprocessing, "labels": weights.labels, "unit": unit}
    return {
        "kind": "features",
        "model": weights.name,
        "controls": controls,
        "download": _download(weights),
        "labels": weights.labels,
        "unit": unit,
        "note": _NOTES.get(weights.metrics[0].dataset, ""),
        "use": {name: _plain(one) for name, one in use.items()},
    }


def _picture_demo(models: Sequence[Weights], current: Weights | None = None) -> Mapping[str, Any]:
    first = current or models[0]
    dataset = first.metrics[0].dataset
    listed = {"mnist": samples.digits, "fashion_mnist": samples.garments}
    pictures = listed[dataset]() if dataset in listed else []
    return {
        "kind": "picture",
        "what": {"mnist": "digit", "fashion_mnist": "garment"}.get(dataset, "picture"),
        "models": [(_card(one), one is current) for one in models],
        "labels": first.labels,
        "download": _download(*models),
        "samples": [(path.name, path.stem.partition("_")[2]) for path in pictures],
        "size": first.preprocessing["size"],
        "use": {"preprocessing": _plain(first.preprocessing), "labels": _plain(first.labels)},
    }


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _architecture(weights: Weights) -> str:
    from zoo.onnx import outline

    layers = outline.layers(read_artifact(weights.artifact("onnx-graph")))
    sizes = tuple(one for one in weights.inputs[0].shape if isinstance(one, int))
    title = {"image": "Picture", "tokens": "Token"}.get(weights.preprocessing["kind"], "Features")
    stages = architecture.stages(architecture.Stage(title, "", sizes or (1,)), layers)
    return architecture.drawing(stages)


def _curves(weights: Weights, logs: Path) -> list[Mapping[str, str]]:
    path = logs / weights.provenance.get("log", "")
    if not path.is_file():
        return []
    curves = [one for one in charts.read_log(path) if len(one.points) > 1]
    titles = (one.name.replace("_", " ") for one in curves)
    drawings = (charts.drawing(one) for one in curves)
    return [{"title": t, "drawing": d} for t, d in zip(titles, drawings, strict=True)]


def _metrics(weights: Weights) -> list[Mapping[str, Any]]:
    return [
        {
            "title": _title(one.name),
            "data": f"{one.dataset} {one.split}",
            "n": f"{one.n:,}",
            "error": _standard_error(one.name, one.standard_error),
            "values": {key: metric_value(one.name, value) for key, value in one.runtimes.items()},
        }
        for one in weights.metrics
    ]


def _facts(weights: Weights) -> Mapping[str, str]:
    provenance = weights.provenance
    seconds = provenance["wall_seconds"]
    duration = f"{seconds / 60:.1f} minutes" if seconds >= 60 else f"{seconds:.0f} seconds"
    environment = provenance.get("environment", {})
    unit = "a token" if weights.task == "language-modeling" else "an input"
    facts = {
        "Parameters": f"{weights.parameters:,}",
        "Multiply-adds": f"{weights.multiply_adds:,} {unit}",
        "Configuration": ", ".join(f"{key} = {one}" for key, one in weights.config.items()),
        "Licence of the weights": weights.licence["weights"],
        "Licence of the data": weights.licence["data"],
        "Training": f"{provenance['epochs']} epochs, {duration}, seed {provenance['seed']}, "
        f"finished {provenance['finished']}",
        "Machine": "; ".join(environment.get("processors", [])),
        "Versions": ", ".join(f"{key} {one}" for key, one in provenance["versions"].items()),
        "Version": "" if weights.version == 1 else str(weights.version),
        "Over seeds": f"{_title(weights.seeds.metric)} {weights.seeds}" if weights.seeds else "",
        "Notes": provenance.get("notes") or "",
    }
    return {name: text for name, text in facts.items() if text}


def _file(weights: Weights, kind: str) -> Mapping[str, str]:
    artifact = weights.artifact(kind)
    return {
        "kind": kind.replace("-", " "),
        "file": artifact.file,
        "size": file_size(artifact.size),
        "sha256": artifact.sha256,
    }


_PYTHON = {
    "image": 'import zoo\n\nclassify = zoo.pipeline("{name}")\nprint(classify("picture.png"))',
    "features": 'import zoo\n\npredict = zoo.pipeline("{name}")\nprint(predict({example}))',
    "tokens": 'import zoo\n\nwrite = zoo.pipeline("{name}")\n'
    "print(write({prompt!r}, length=20, temperature=0.8))",
}
_GLUON = 'import zoo\n\nnet = zoo.get_model("{name}", pretrained=True)\nnet.hybridize()\nprint(net)'
_JAVASCRIPT = """\
// zoo export {name} model.onnx
import * as ort from "onnxruntime-web";

const session = await ort.InferenceSession.create("model.onnx");
{tensors}
const {{ {output} }} = await session.run({{ {inputs} }});
console.log({output}.data);"""


def _snippets(weights: Weights) -> list[Mapping[str, str]]:
    kind = weights.preprocessing["kind"]
    given = {
        "name": weights.name,
        "example": _example(weights),
        "prompt": _PROMPTS.get(weights.preprocessing.get("level", ""), ""),
    }
    script = _JAVASCRIPT.format(
        name=weights.name,
        tensors="\n".join(_tensor(one.name, one.shape, one.dtype) for one in weights.inputs),
        inputs=", ".join(one.name for one in weights.inputs),
        output=weights.outputs[0].name,
    )
    return [
        {"title": "Python, on ONNX Runtime", "code": _PYTHON[kind].format(**given)},
        {"title": "Python, Gluon", "code": _GLUON.format(**given)},
        {"title": "JavaScript, on onnxruntime-web", "code": script},
    ]


def _example(weights: Weights) -> str:
    if weights.preprocessing["kind"] != "features":
        return ""
    row = weights.golden.input[0]
    if "names" in weights.preprocessing:
        return repr([round(float(one), 2) for one in row])
    return repr([at + 1 for at, value in enumerate(row) if value])


def _tensor(name: str, shape: Sequence[int | str], dtype: str) -> str:
    sizes = [one if isinstance(one, int) else 1 for one in shape]
    count = "*".join(map(str, sizes))
    made = "new BigInt64Array" if dtype == "int64" else "new Float32Array"
    return f'const {name} = new ort.Tensor("{dtype}", {made}({count}), {sizes});'
