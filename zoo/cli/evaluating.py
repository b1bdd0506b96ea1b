"""`zoo evaluate`: every published number measured again."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from zoo.cli import showing
from zoo.cli.arguments import All, Json, Names, Runtime, chosen
from zoo.cli.exits import FAILED, say
from zoo.cli.showing import Column
from zoo.errors import MissingDependencyError, ZooError

if TYPE_CHECKING:
    from rich.text import Text

    from zoo.evaluation import Evaluation, Measurement
    from zoo.manifest import Weights


class Outcome(NamedTuple):
    """What one record gave on one runtime: an evaluation, or why there is none."""

    name: str
    runtime: str
    evaluation: Evaluation | None
    message: str = ""

    @property
    def agrees(self) -> bool:
        return self.evaluation is not None and self.evaluation.agrees


def evaluate(
    names: Names = None,
    every: All = False,
    runtime: Annotated[
        Runtime | None,
        typer.Option(
            "--runtime",
            help="Only on this runtime; by default on all that are installed.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Measure published weights again and compare with the manifest.

    The data are fetched first, from ZOO_DATA_MIRROR or their public addresses. Exits with 1 where
    a number disagrees beyond its tolerance or cannot be measured.

    \b
    Examples:
      zoo evaluate lenet.mnist
      zoo evaluate --all --runtime onnx --json
    """
    records = chosen(names, every)
    runtimes = installed_runtimes() if runtime is None else [runtime.value]
    pairs = [(weights, one) for weights in records for one in runtimes]
    outcomes = []
    for place, (weights, one) in enumerate(pairs, 1):
        outcomes.append(_evaluate(weights, one, f"{place}/{len(pairs)}"))
    if json:
        showing.print_json(_document(outcomes))
    else:
        _print_outcomes(outcomes)
    if not all(one.agrees for one in outcomes):
        raise typer.Exit(FAILED)


def installed_runtimes() -> list[str]:
    """The runtimes that can run here. Raises MissingDependencyError where there is none."""
    found = [one.value for one in Runtime if _is_installed(one)]
    if not found:
        raise MissingDependencyError(
            "Neither ONNX Runtime nor MXNet is installed here: pip install onnxruntime."
        )
    return found


def _is_installed(runtime: Runtime) -> bool:
    from importlib.util import find_spec

    if runtime is Runtime.onnx:
        return find_spec("onnxruntime") is not None
    try:
        import zoo._mxnet  # noqa: F401
    except MissingDependencyError:
        return False
    return True


def _evaluate(weights: Weights, runtime: str, progress: str) -> Outcome:
    from zoo.evaluation import evaluate as measure

    try:
        _fetch_all(weights)
        with _waiting(f"{progress} {weights.name} on {runtime}"):
            return Outcome(weights.name, runtime, measure(weights, runtime))
    except ZooError as error:
        say(f"zoo: {weights.name} on {runtime}: {error}")
        return Outcome(weights.name, runtime, None, str(error))


def _fetch_all(weights: Weights) -> None:
    """The files first, whose progress bars would meet the spinner."""
    from zoo.data import DATASETS
    from zoo.fetching import fetch_artifact

    for artifact in weights.artifacts.values():
        fetch_artifact(artifact)
    for dataset in {metric.dataset for metric in weights.metrics} & DATASETS.keys():
        for file in DATASETS[dataset].files:
            fetch_artifact(file, subfolder="data")


@contextlib.contextmanager
def _waiting(message: str) -> Iterator[None]:
    """A spinner on standard error; where that is no terminal, a line when it is done."""
    if sys.stderr.isatty():
        from rich import progress
        from rich.console import Console

        columns = (
            progress.SpinnerColumn(),
            progress.TextColumn("{task.description}", markup=False),
            progress.TimeElapsedColumn(),
        )
        with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            bar.add_task(message, total=None)
            yield
        return
    start = time.monotonic()
    yield
    say(f"{message}: {time.monotonic() - start:.1f} s")


def _print_outcomes(outcomes: list[Outcome]) -> None:
    columns = [
        Column("weights"),
        Column("runtime"),
        Column("metric"),
        Column("published", right=True, spare=True),
        Column("measured", right=True),
        Column("difference", right=True),
        Column("tolerance", right=True, spare=True),
        Column("verdict"),
    ]
    rows: list[list[str | Text]] = []
    for one in outcomes:
        if one.evaluation is None:
            rows.append([one.name, one.runtime, *["-"] * 5, _verdict("not measured", False)])
            continue
        rows += [[one.name, one.runtime, *_cells(part)] for part in one.evaluation.measurements]
    showing.print_table(columns, rows)


def _cells(one: Measurement) -> list[str | Text]:
    difference = one.value - one.published
    return [
        one.name,
        f"{one.published:.6g}",
        f"{one.value:.6g}",
        f"{difference:+.2g}" if difference else "0",
        f"{one.tolerance:g}",
        _verdict("agrees" if one.agrees else "DISAGREES", one.agrees),
    ]


def _verdict(word: str, good: bool) -> Text:
    from rich.text import Text

    return Text(word, style="green" if good else "bold red")


def _document(outcomes: list[Outcome]) -> dict[str, Any]:
    return {
        "agrees": all(one.agrees for one in outcomes),
        "evaluations": [
            {
                "name": one.name,
                "runtime": one.runtime,
                "agrees": one.agrees,
                "measurements": _measurements(one.evaluation),
                "error": one.message or None,
            }
            for one in outcomes
        ],
    }


def _measurements(evaluation: Evaluation | None) -> list[dict[str, Any]]:
    if evaluation is None:
        return []
    return [
        {**vars(one), "difference": one.value - one.published, "agrees": one.agrees}
        for one in evaluation.measurements
    ]
