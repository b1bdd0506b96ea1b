"""The README.md of a repository on the Hugging Face Hub: metadata, numbers, and code to try.

Made from the records alone: the same records give the same bytes. The metadata are built and
written by huggingface_hub, whose own reader finds the metrics in them again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from zoo.errors import MissingDependencyError
from zoo.figures import file_size, metric_value
from zoo.manifest import Metric, TensorSpec, Weights
from zoo.versions import newest

FILE = "README.md"
_LIBRARY = "gluon-zoo"
_TAGS = (_LIBRARY, "mxnet", "gluon", "onnx", "safetensors")
_PIPELINES = {"language-modeling": "text-generation"}  # other tasks have the Hub's own names
_DATASETS = {  # as the Hub calls them
    "mnist": "ylecun/mnist",
    "fashion_mnist": "zalando-datasets/fashion_mnist",
    "adult": "scikit-learn/adult-census-income",
    "wikitext2": "Salesforce/wikitext",
    "shakespeare": "karpathy/tiny_shakespeare",
}
_MOST_LABELS = 20
_METRICS = {"r2": "r_squared", "mean_squared_error": "mse"}
_LICENCES = (  # those that the Hub knows by these names
    "apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-3.0",
    "cc-by-sa-4.0", "cc-by-nc-4.0", "gpl-3.0", "lgpl-3.0", "mpl-2.0", "unlicense",
)  # fmt: skip


def model_card(
    records: Mapping[str, Weights], repository: str, checksums: str, branch: str = "main"
) -> str:
    """The card of `repository`, `owner/name`, whose branch holds these records, one or more.

    It shows the newest versions. `checksums` is the name of the file beside it that holds the
    digests. Raises MissingDependencyError without huggingface_hub.
    """
    records = newest(records)
    title = repository.partition("/")[2]
    sections = "\n\n".join(_section(one) for one in records.values())
    return f"""---
{_metadata(list(records.values()))}
---

# {title}

Pretrained weights from `gluon-zoo`, a model zoo with networks in MXNet Gluon. Each set of weights
is one record of `weights_manifest.json`: files with size and sha256, preprocessing, metrics
measured from these very files, and how they were made.

{_overview(records.values())}

## Use

On ONNX Runtime; a `.onnx` file holds network and weights:

```python
{_onnx_example(next(iter(records.values())), repository, branch)}
```

The record's `preprocessing` says how a raw input becomes the network's. `gluon-zoo` does it, on
ONNX Runtime or in MXNet Gluon (`pip install 'gluon-zoo[hub]'`):

```python
{_zoo_example(next(iter(records)), repository, branch)}
```

## Verify

```sh
sha256sum --check {checksums}
```

{sections}
"""


def _metadata(records: list[Weights]) -> str:
    """The YAML between the two lines of dashes."""
    try:
        from huggingface_hub import EvalResult, ModelCardData
        from huggingface_hub.repocard_data import eval_results_to_model_index
    except ImportError:
        raise MissingDependencyError(
            "A model card needs huggingface_hub: pip install 'gluon-zoo[hub]'"
        ) from None
    pipelines = _unique(_pipeline(one) for one in records)
    card = ModelCardData(
        **_licence(_unique(one.licence["weights"] for one in records)),
        library_name=_LIBRARY,
        pipeline_tag=pipelines[0] if len(pipelines) == 1 else None,
        tags=_unique([*_TAGS, *pipelines, *(one.architecture for one in records)]),
        datasets=_unique(_dataset(one.metrics[0]) for one in records),
        metrics=_unique(_metric(metric) for one in records for metric in one.metrics),
    )
    card["model-index"] = [
        entry
        for one in records
        for entry in eval_results_to_model_index(
            one.name, [EvalResult(**_result(one, metric)) for metric in one.metrics]
        )
    ]
    return str(card.to_yaml())


def _result(weights: Weights, metric: Metric) -> dict[str, Any]:
    return {
        "task_type": _pipeline(weights),
        "dataset_type": _dataset(metric),
        "dataset_name": metric.dataset,
        "dataset_split": metric.split,
        "metric_type": _metric(metric),
        "metric_name": metric.name,
        "metric_value": metric.value,
    }


def _licence(names: list[str]) -> dict[str, str]:
    known = names[0].lower()
    if len(names) == 1 and known in _LICENCES:
        return {"license": known}
    plain = re.sub(r"[^a-z0-9.]+", "-", " ".join(names).lower()).strip("-")
    return {"license": "other", "license_name": plain}


def _pipeline(weights: Weights) -> str:
    return _PIPELINES.get(weights.task, weights.task)


def _dataset(metric: Metric) -> str:
    return _DATASETS.get(metric.dataset, metric.dataset)


def _metric(metric: Metric) -> str:
    return _METRICS.get(metric.name, metric.name)


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _overview(records: Iterable[Weights]) -> str:
    rows = [
        f"| `{one.name}` | {one.task} | {_headline(one.metrics[0])} | {one.parameters:,} |"
        for one in records
    ]
    return _table(("weights", "task", "measured", "parameters"), rows)


def _section(weights: Weights) -> str:
    files = [
        f"| `{one.file}` | {one.kind} | {file_size(one.size)} | `{one.sha256}` |"
        for one in weights.artifacts.values()
    ]
    metrics = [
        f"| {one.name} | {_plain(one.dataset)} {one.split} | {one.n:,} | {_value(one)} |"
        for one in weights.metrics
    ]
    made = weights.provenance
    taught = f"\n- Taught by {_plain(weights.teachers)}." if weights.teachers else ""
    began = f"\n- Started from {_plain(weights.start)}." if weights.start else ""
    seeds = f"\n- Over seeds: {weights.seeds.metric} {weights.seeds}." if weights.seeds else ""
    return f"""## {weights.name}

{_plain(weights.description)}

{_table(("metric", "data", "n", "value"), metrics)}

{_table(("file", "kind", "size", "sha256"), files)}

- Licence of the weights: {_plain(weights.licence["weights"])}; of the data:
  {_plain(weights.licence["data"])}.
- Inputs: {_specs(weights.inputs)}; outputs: {_specs(weights.outputs)}.{_labels(weights)}
- Made by `{_code(made["command"])}`, seed {made["seed"]}, {made["epochs"]} epochs on
  {weights.fitted_to}, finished {_plain(made["finished"])}.{began}{taught}{seeds}
- The architecture follows <{_address(weights.paper)}>."""


def _table(titles: Iterable[str], rows: Iterable[str]) -> str:
    names = list(titles)
    return "\n".join([f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}", *rows])


def _headline(metric: Metric) -> str:
    return f"{metric.name} {_value(metric)} on {_plain(metric.dataset)} {metric.split}"


def _value(metric: Metric) -> str:
    return metric_value(metric.name, metric.value, metric.standard_error)


def _specs(specs: Iterable[TensorSpec]) -> str:
    return ", ".join(
        f"`{_code(one.name)}` {one.dtype} ({', '.join(map(str, one.shape))})" for one in specs
    )


def _labels(weights: Weights) -> str:
    if weights.labels is None:
        return ""
    name = "Unit" if weights.task == "tabular-regression" else "Labels"
    more = ", ..." if len(weights.labels) > _MOST_LABELS else ""
    shown = ", ".join(_plain(one) for one in weights.labels[:_MOST_LABELS])
    return f"\n  {name}: {shown}{more}."


def _plain(text: str) -> str:
    """A record's text as one line that Markdown does not take for more than text."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", " ".join(text.split()))


def _address(text: str) -> str:
    """A record's address for between two angle brackets."""
    return quote(text, safe=":/?#[]@!$&'()*+,;=%~")


def _code(text: str) -> str:
    """A record's text for between two backticks."""
    return " ".join(text.replace("`", "'").split())


def _onnx_example(weights: Weights, repository: str, branch: str) -> str:
    feeds = ", ".join(f"{json.dumps(one.name)}: {_zeros(one)}" for one in weights.inputs)
    revision = "" if branch == "main" else f', revision="{branch}"'
    return f"""import numpy as np
import onnxruntime
from huggingface_hub import hf_hub_download

path = hf_hub_download("{repository}", "{weights.stem}.onnx"{revision})
session = onnxruntime.InferenceSession(path)
outputs = session.run(None, {{{feeds}}})"""


def _zoo_example(name: str, repository: str, branch: str) -> str:
    at = "" if branch == "main" else f"@{branch}"
    address = f"hf://{repository}{at}::{name}"
    return f"""import zoo

predict = zoo.pipeline("{address}")
net = zoo.get_model("{address}", pretrained=True)"""


def _zeros(spec: TensorSpec) -> str:
    shape = tuple(axis if isinstance(axis, int) else 1 for axis in spec.shape)
    return f'np.zeros({shape}, "{spec.dtype}")'
