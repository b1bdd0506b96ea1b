"""Progress bars on stderr, only where somebody looks."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from zoo.records import Artifact

if TYPE_CHECKING:
    from rich.progress import Progress


class Display:
    """A bar for each file that is fetched within a `with` block, all of them together.

    Without `progress` (default: where stderr is no terminal) nothing is shown.
    """

    def __init__(self, progress: bool | None = None) -> None:
        self._wanted = sys.stderr.isatty() if progress is None else progress
        self._guard = threading.Lock()
        self._bars: Progress | None = None

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    @contextlib.contextmanager
    def bar(self, artifact: Artifact) -> Iterator[Callable[[int], None]]:
        """A bar for this file; call what it gives with the number of bytes so far."""
        if not self._wanted:
            yield lambda size: None
            return
        with self._guard:
            self._bars = self._bars or _started()
            bars = self._bars
            task = bars.add_task(artifact.basename, total=artifact.size)
        try:
            yield lambda size: bars.update(task, completed=size)
        finally:
            bars.stop_task(task)


def _started() -> Progress:
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    bars = progress.Progress(*columns, console=console, transient=console.is_terminal)
    bars.start()
    return bars
