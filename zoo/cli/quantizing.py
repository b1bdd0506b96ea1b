"""`zoo quantize`: a smaller or faster variant, measured against float32."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.cli import showing
from zoo.cli.arguments import Json, complete_name, refuse_existing
from zoo.errors import ExportError, InputError
from zoo.figures import file_size, metric_value

if TYPE_CHECKING:
    from zoo.variants import Variant


def quantize(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE.onnx",
            help="Published weights, such as lenet.mnist, or a model of your own.",
            autocompletion=complete_name,
            show_default=False,
        ),
    ],
    file: Annotated[
        Path,
        typer.Argument(metavar="OUT.onnx", help="The file to write.", show_default=False),
    ],
    int8: Annotated[bool, typer.Option("--int8", help="Integers of 8 bits.")] = False,
    float16: Annotated[
        bool, typer.Option("--float16", help="Half the size; faster on graphics processors.")
    ] = False,
    dynamic: Annotated[
        bool | None,
        typer.Option(
            "--dynamic/--static",
            help="How int8 scales activations: at every run, or fixed by calibration. By default "
            "static for networks with convolutions, dynamic for others.",
            show_default=False,
        ),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            "--calibration",
            metavar="DATA.npy",
            help="For a model of your own: inputs to calibrate and to check with; an .npz file "
            "holds several by their names.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    json: Json = False,
) -> None:
    """Write a smaller or faster variant of a model, unless it is worse than float32.

    That of published weights is calibrated and judged on the validation split, and refused when
    its metric is more than 0.1 of a point, or 1 % of a perplexity or an error, worse. A model of
    your own is judged by its outputs on the data that you give.

    \b
    Examples:
      zoo quantize lenet.mnist lenet.int8.onnx --int8
      zoo quantize lstm_lm.wikitext2 lm.float16.onnx --float16
      zoo quantize net.onnx net.int8.onnx --int8 --calibration pictures.npy
    """
    from zoo.variants import FLOAT16, INT8

    if int8 == float16:
        raise typer.BadParameter("choose one of --int8 and --float16.", param_hint="--int8")
    if float16 and dynamic is not None:
        raise typer.BadParameter("belongs to --int8.", param_hint="--dynamic/--static")
    refuse_existing(file, force, ExportError)
    kind = INT8 if int8 else FLOAT16
    if name.endswith(".onnx"):
        _quantize_file(Path(name), file, kind, dynamic, calibration, json)
        return
    if calibration is not None:
        raise typer.BadParameter(
            "published weights are calibrated on their validation split.",
            param_hint="--calibration",
        )
    _quantize_published(name, file, kind, dynamic, json)


def _quantize_published(name: str, file: Path, kind: str, dynamic: bool | None, json: bool) -> None:
    from zoo.lookup import get_weights
    from zoo.onnx.published import self_contained
    from zoo.variants import make_variant, metric_records

    weights = get_weights(name)
    model = self_contained(weights)
    variant = make_variant(weights, model, kind, dynamic=dynamic)
    facts = _write(file, variant.model)
    if json:
        dataset = weights.metrics[0].dataset
        metrics = metric_records(dataset, variant.metrics)
        floats = metric_records(dataset, variant.float_metrics)
        head = {"name": weights.name, "kind": kind, **facts}
        showing.print_json({**head, "metrics": metrics, "float32": floats})
        return
    _print_file(facts, len(model))
    _print_metrics(variant)


def _quantize_file(
    model: Path, file: Path, kind: str, dynamic: bool | None, calibration: Path | None, json: bool
) -> None:
    from zoo.variants import make_file_variant

    if calibration is None:
        raise InputError("A model of your own needs inputs to be checked with: --calibration FILE.")
    content = _read(model)
    variant, error = make_file_variant(content, kind, read_arrays(calibration), dynamic=dynamic)
    facts = _write(file, variant)
    if json:
        showing.print_json({"name": str(model), "kind": kind, **facts, "error": error})
        return
    _print_file(facts, len(content))
    typer.echo(f"outputs {error:.2g} of their size away from float32")


def read_arrays(path: Path) -> dict[str, Any]:
    """The arrays of an .npz file by their names, or that of an .npy file. Raises InputError."""
    import tokenize
    import zipfile
    import zlib

    import numpy as np

    try:
        loaded: Any = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"": loaded}
        with loaded:
            arrays = dict(loaded)
        if not all(isinstance(one, np.ndarray) for one in arrays.values()):
            raise ValueError("a file in it is no array")
        return arrays
    except (
        OSError,
        ValueError,
        TypeError,
        EOFError,
        RuntimeError,
        ArithmeticError,
        MemoryError,
        SyntaxError,
        tokenize.TokenError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        reason = getattr(error, "strerror", None) or "it holds no arrays of numbers"
        raise InputError(f"{path} cannot be read: {reason}.") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None


def _write(file: Path, content: bytes) -> dict[str, Any]:
    from zoo.onnx.external import write_one_file

    try:
        digest = write_one_file(file, [content])
    except OSError as error:
        raise ExportError(f"{file} cannot be written: {error.strerror}.") from None
    return {"path": str(file), "size": len(content), "sha256": digest}


def _print_file(facts: Mapping[str, Any], before: int) -> None:
    size = f"{file_size(facts['size'])} of {file_size(before)}"
    typer.echo(f"{facts['path']}  {size}  sha256 {facts['sha256']}")


def _print_metrics(variant: Variant) -> None:
    for split, scores in variant.metrics.items():
        for name, score in scores.items():
            value = metric_value(name, score.value)
            before = metric_value(name, variant.float_metrics[split][name].value)
            typer.echo(f"{name} {value} on {split}, n = {score.n:,}; {before} in float32")
