"""Records -> the pages of the gallery."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from zoo import __version__
from zoo.errors import MissingDependencyError
from zoo.fetching import read_artifact
from zoo.figures import duration, file_size, metric_value
from zoo.gallery import architecture, charts, mistakes
from zoo.gallery.demonstrations import demonstration, is_picture
from zoo.gallery.modules import needed
from zoo.gallery.serving import POLICY
from zoo.gallery.snippets import measuring, snippets
from zoo.manifest import Weights

_DIGITS = "mnist"  # whose records read digits on the index

_TITLES = {
    "r2": "R²",
    "mean_squared_error": "mean squared error",
    "nats_per_character": "nats per character",
}

_ELSEWHERE = ("name", "task", "dataset", "epochs", "preprocessing", "config")


def render(records: Iterable[Weights], logs: Path, runtime: int) -> Iterator[tuple[str, str]]:
    """The place of each page and its HTML.

    `logs` is the folder above the training logs, `runtime` how many bytes a visitor fetches of it.
    """
    everyone = list(records)
    environment = _environment()
    digits = _readers_of_digits(everyone)
    shared = {"policy": POLICY, "version": __version__}
    demo = demonstration(digits[0], digits, runtime) if digits else None
    yield (
        "index.html",
        environment.get_template("index.html").render(
            **shared,
            root="",
            modules=needed("page", "list", *_scripts(demo)),
            cards=[_card(one) for one in everyone],
            tasks=_distinct(one.task for one in everyone),
            datasets=_distinct(one.metrics[0].dataset for one in everyone),
            demo=demo,
        ),
    )
    template = environment.get_template("record.html")
    for one in everyone:
        demo = demonstration(one, everyone, runtime)
        parts = {"demo": demo, "modules": needed("page", *_scripts(demo)), **_record(one, logs)}
        page = template.render(**shared, root="../", **parts)
        yield f"models/{one.name}.html", page


def _scripts(demo: Mapping[str, Any] | None) -> list[str]:
    """The script of a demonstration has the name of its kind."""
    return [demo["kind"]] if demo else []


def _readers_of_digits(records: Iterable[Weights]) -> list[Weights]:
    """One record of each architecture, the first."""
    found: dict[str, Weights] = {}
    for one in records:
        if is_picture(one) and one.metrics[0].dataset == _DIGITS:
            found.setdefault(one.architecture, one)
    return list(found.values())


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
        "glyph": architecture.glyph(_stages(weights)),
    }


def _title(metric: str) -> str:
    return _TITLES.get(metric, metric.replace("_", " "))


def _standard_error(metric: str, error: float | None) -> str:
    return "" if error is None else metric_value(metric, error).removesuffix(" %")


def _record(weights: Weights, logs: Path) -> Mapping[str, Any]:
    return {
        **_card(weights),
        "architecture": architecture.drawing(_stages(weights)),
        "curves": _curves(weights, logs),
        "log": log_of(weights, logs),
        "confusion": mistakes.read(weights, logs),
        "metrics": _metrics(weights),
        "runtimes": _distinct(name for one in weights.metrics for name in one.runtimes),
        "facts": _facts(weights),
        "snippets": snippets(weights),
        "files": [_file(weights, kind) for kind in weights.artifacts],
        "reproduce": weights.provenance["command"],
        "measure": measuring(weights),
        "data_digests": weights.provenance.get("data", {}),
    }


def log_of(weights: Weights, logs: Path) -> Path | None:
    """The training log of a record, where it is below the folder `logs`, or in its own hub's."""
    root = Path(weights.hub or logs).resolve()
    path = (root / weights.provenance["log"]).resolve()
    told = path.suffix == ".jsonl" and path.is_relative_to(root) and path.is_file()
    return path if told else None


def _stages(weights: Weights) -> list[architecture.Stage]:
    from zoo.onnx import outline

    graph = weights.artifacts.get("onnx-graph")
    layers = outline.layers(read_artifact(graph)) if graph else []
    sizes = tuple(one for one in weights.inputs[0].shape if isinstance(one, int))
    title = {"image": "Picture", "tokens": "Token"}.get(weights.preprocessing["kind"], "Features")
    return architecture.stages(architecture.Stage(title, "", sizes or (1,)), layers)


def _curves(weights: Weights, logs: Path) -> list[Mapping[str, str]]:
    path = log_of(weights, logs)
    if path is None:
        return []
    curves = [one for one in charts.read_log(path) if len(one.points) > 1]
    titles = (_curve_title(one.name) for one in curves)
    drawings = (charts.drawing(one) for one in curves)
    return [{"title": t, "drawing": d} for t, d in zip(titles, drawings, strict=True)]


def _curve_title(name: str) -> str:
    split, _, metric = name.partition("_")
    return f"{split} {_title(metric)}"


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
    unit = "a token" if weights.task == "language-modeling" else "an input"
    facts = {
        "Parameters": f"{weights.parameters:,}",
        "Multiply-adds": f"{weights.multiply_adds:,} {unit}",
        "Configuration": ", ".join(f"{key} = {one}" for key, one in weights.config.items()),
        "Licence of the weights": weights.licence["weights"],
        "Licence of the data": weights.licence["data"],
        "Training": f"{provenance['epochs']} epochs on {weights.fitted_to}, "
        f"{duration(provenance['wall_seconds'])}, seed {provenance['seed']}, "
        f"finished {provenance['finished']}",
        "Recipe": ", ".join(_settings(provenance["recipe"])),
        "Machine": "; ".join(provenance["environment"].get("processors", [])),
        "Versions": ", ".join(f"{key} {one}" for key, one in provenance["versions"].items()),
        "Version": "" if weights.version == 1 else str(weights.version),
        "Over seeds": f"{_title(weights.seeds.metric)} {weights.seeds}" if weights.seeds else "",
        "Notes": provenance.get("notes") or "",
    }
    return {name: text for name, text in facts.items() if text}


def _settings(recipe: Mapping[str, Any]) -> Iterator[str]:
    """What a recipe chooses, but for what stands elsewhere on the page."""
    for name, value in recipe.items():
        title = name.replace("_", " ")
        if name in _ELSEWHERE or value in (None, {}, False, ""):
            continue
        if isinstance(value, Mapping):
            yield f"{title} ({', '.join(_settings(value))})"
        else:
            yield title if value is True else f"{title} {value}"


def _file(weights: Weights, kind: str) -> Mapping[str, str]:
    artifact = weights.artifact(kind)
    return {
        "kind": kind.replace("-", " "),
        "file": artifact.file,
        "size": file_size(artifact.size),
        "sha256": artifact.sha256,
    }
