"""What a person sees of a training run: a bar while it runs, a line an epoch, a curve after it."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from zoo.atomic import write_atomically


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Nobody reads on: the training goes on without a word, and does not end as rich would."""
        self.quiet = True


console = _Console(stderr=True)


class Bar:
    """Loss, rate and time left of the run, and `metric`: the last one measured, in words."""

    def __init__(self, progress: Progress, task: TaskID, done: int, per_step: int) -> None:
        self._progress = progress
        self._task = task
        self._done = done
        self._per_step = per_step
        self._started = time.monotonic()
        self.metric = ""

    def update(self, step: int, text: str) -> None:
        elapsed = time.monotonic() - self._started
        rate = (step - self._done) * self._per_step / max(elapsed, 1e-9)
        shown = f"{text}  {self.metric}  {rate:,.0f} examples/s"
        self._progress.update(self._task, completed=step, text=shown)

    def line(self, text: str) -> None:
        """A line that stays above the bar; also where the output is a file."""
        self._progress.console.print(text, highlight=False, soft_wrap=True)


@contextmanager
def bar(name: str, steps: int, done: int, per_step: int) -> Iterator[Bar]:
    """A bar of `steps`, `done` of them before; the rate is in examples, `per_step` each step."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}  {task.fields[text]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=steps, completed=done, text="")
        yield Bar(progress, task, done, per_step)


def plot_curve(folder: Path, title: str, epochs: Sequence[Mapping[str, Any]], metric: str) -> None:
    """Draw the training loss and the validation metric, if any, over the epochs into curve.png."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, left = pyplot.subplots(figsize=(6, 3.6), layout="constrained")
    left.plot([one["epoch"] for one in epochs], [one["train_loss"] for one in epochs], "C0")
    left.set(xlabel="epoch", ylabel="training loss", title=title)
    left.yaxis.label.set_color("C0")
    measured = [one for one in epochs if one.get(metric) is not None]
    if measured:
        right = left.twinx()
        right.plot([one["epoch"] for one in measured], [one[metric] for one in measured], "C1.-")
        right.set_ylabel(metric.replace("_", " "))
        right.yaxis.label.set_color("C1")
    picture = io.BytesIO()
    figure.savefig(picture, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
    write_atomically(folder / "curve.png", picture.getvalue())
