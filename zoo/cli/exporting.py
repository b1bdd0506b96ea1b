"""`zoo export`: published weights, or a network in MXNet's own files, as an ONNX file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.cli import showing
from zoo.cli.arguments import Json, complete_name, refuse_existing
from zoo.cli.exits import say
from zoo.cli.tensors import read_inputs, read_sizes
from zoo.errors import ExportError
from zoo.figures import file_size

if TYPE_CHECKING:
    from zoo.manifest import Weights
    from zoo.onnx import ExportReport

_FILES = "A network's files"  # the panel of --help


def export(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|SYMBOL.json",
            help="Published weights, such as lenet.mnist; a network as MXNet wrote it; or one of "
            "GluonCV's, such as gluoncv/resnet50_v1b.",
            autocompletion=complete_name,
            show_default=False,
        ),
    ],
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE.onnx", help="The file to write.", show_default=False),
    ],
    opset: Annotated[
        int | None,
        typer.Option(
            "--opset", min=17, max=23, help="17 to 23; 21 unless told.", show_default=False
        ),
    ] = None,
    params: Annotated[
        Path | None,
        typer.Option(
            "--params",
            metavar="FILE",
            help="The network's parameters; by default the one file of them beside the symbol.",
            rich_help_panel=_FILES,
            show_default=False,
        ),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="NAME:SHAPE[:DTYPE]",
            help="An input, such as data:batch,3,224,224 or ids:time,batch:int64; a name in "
            "the shape is a free axis. Once for each.",
            rich_help_panel=_FILES,
            show_default=False,
        ),
    ] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option(
            "--output",
            metavar="NAME",
            help="The name of an output, once for each in their order.",
            rich_help_panel=_FILES,
            show_default=False,
        ),
    ] = None,
    sizes: Annotated[
        list[str] | None,
        typer.Option(
            "--size",
            metavar="AXIS:A,B",
            help="The two sizes at which the check tries a free axis, such as height:224,256.",
            rich_help_panel=_FILES,
            show_default=False,
        ),
    ] = None,
    external_data: Annotated[
        bool,
        typer.Option(
            "--external-data",
            help="Write the weights to a second file beside it, as beyond 2 GiB they must be.",
            rich_help_panel=_FILES,
        ),
    ] = False,
    no_check: Annotated[
        bool,
        typer.Option("--no-check", help="Do not compare with MXNet.", rich_help_panel=_FILES),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    json: Json = False,
) -> None:
    """Write an ONNX file with the weights in it.

    Published weights need no MXNet, unless another opset is asked for. The same weights always
    give the same bytes; name, digest of the weights, labels, preprocessing and licence are in
    the metadata.

    A network in MXNet's own files is translated and compared with MXNet at two sizes of each
    free axis; what cannot be translated exactly is refused. So is one of GluonCV's, with the
    weights of a .params or safetensors file; without --params its weights are random.

    \b
    Examples:
      zoo export lenet.mnist lenet.onnx
      zoo export lenet.mnist lenet.onnx --force --json
      zoo export net-symbol.json net.onnx --params net-0000.params --input data:batch,3,224,224
      zoo export gluoncv/resnet50_v1b resnet.onnx --params resnet50_v1b-0ecdba34.params
    """
    from zoo.models.gluoncv import is_gluoncv

    refuse_existing(file, force, ExportError)
    own = is_gluoncv(name)
    if not own and not name.endswith(".json"):
        if any((params, inputs, outputs, sizes, external_data, no_check)):
            raise typer.BadParameter(
                "published weights take --opset, --force and --json only; the other options are "
                "for a network's own files, SYMBOL.json, and gluoncv/NAME."
            )
        _export_published(name, file, opset, json)
        return
    from zoo.onnx import export_onnx
    from zoo.onnx.opset import DEFAULT

    specs, pairs = read_inputs(inputs or []) or None, read_sizes(sizes or []) or None
    report = export_onnx(
        _gluoncv_network(name, params, specs, pairs) if own else name,
        file,
        inputs=list(specs.values()) if own and specs else specs,
        names=outputs or None,
        opset=opset or DEFAULT,
        params=None if own else params,
        sizes=pairs,
        check=not no_check,
        external_data=external_data,
    )
    _print_report(report, json)


def _gluoncv_network(name: str, params: Path | None, specs: Any, sizes: Any) -> Any:
    """With its weights, or with random ones, which that is said of."""
    from zoo.hub import get_model
    from zoo.models.gluoncv_repairs import initialize

    if params is not None:
        return get_model(name, pretrained=params)
    net = get_model(name)
    initialize(net, list(specs.values()) if specs else None, sizes)
    say(f"The weights of {name} are random: --params FILE takes GluonCV's own.")
    return net


def _print_report(report: ExportReport, json: bool) -> None:
    size = report.path.stat().st_size
    data: dict[str, Any] | None = None
    if report.data:
        data = {"path": str(report.data), "size": report.data.stat().st_size}
    if json:
        facts = {**vars(report), "path": str(report.path), "size": size, "data": data}
        showing.print_json(facts)
        return
    typer.echo(f"{report.path}  {file_size(size)}  sha256 {report.sha256}")
    if data:
        typer.echo(f"{data['path']}  {file_size(data['size'])}")
    if report.max_rel is not None:
        typer.echo(
            f"{report.nodes} nodes, at most {report.max_abs:.2g} from MXNet "
            f"({report.max_rel:.2g} of the largest number)"
        )


def _export_published(name: str, file: Path, opset: int | None, json: bool) -> None:
    from zoo.lookup import get_weights
    from zoo.onnx.external import write_one_file
    from zoo.onnx.published import self_contained

    weights = get_weights(name)
    content = self_contained(weights)
    if opset is not None:
        content = _at_opset(name, weights, content, opset)
    try:
        digest = write_one_file(file, [content])
    except OSError as error:
        raise ExportError(f"{file} cannot be written: {error.strerror}.") from None
    if json:
        facts = {"path": str(file), "size": len(content), "sha256": digest}
        showing.print_json({"name": weights.name, **facts})
    else:
        typer.echo(f"{file}  {file_size(len(content))}  sha256 {digest}")


def _at_opset(name: str, weights: Weights, content: bytes, opset: int) -> bytes:
    """The same network, unless it is of that opset, translated again and compared with MXNet."""
    from zoo.hub import get_model
    from zoo.onnx import export_onnx
    from zoo.onnx.binding import read_metadata, read_opset

    if read_opset(content) == opset:
        return content
    with tempfile.TemporaryDirectory() as folder:
        report = export_onnx(
            get_model(name, pretrained=True),
            Path(folder, "model.onnx"),
            inputs=list(weights.inputs),
            names=[one.name for one in weights.outputs],
            opset=opset,
            metadata=read_metadata(content),
        )
        return report.path.read_bytes()
