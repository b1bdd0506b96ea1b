"""What a training run leaves behind: log, curve, checkpoints, and the finished weights.

runs/lenet.mnist/
  checkpoints/        the two newest, to go on from after a stop
  log.jsonl           one line an epoch, with a digest of every array at its end
  curve.png           the same as a picture
  tensorboard/        the same as event files, where they are asked for
  final.safetensors   the weights, when the run is finished
  run.json            recipe, seed, command, versions, time and results: what `zoo publish` reads
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import checkpoint
import environment
import numpy as np
from digests import digests
from events import Events
from filelock import FileLock, Timeout
from recipes import Recipe

from zoo import params
from zoo.atomic import write_atomically
from zoo.hub_folder import sweep
from zoo.owners import PARTIAL

_ONE_ORDER = 2.0  # seconds in which the same SIGTERM may come by several ways


class Run:
    """A run in progress. `epochs` are the log's lines, `seconds` the time of all its sessions.

    `teachers` are the runs of the networks that teach it, whose time and processors are its too.
    `stop` is after how many epochs, and from which step on, the run ends at a checkpoint. With
    `tensorboard` set it writes event files. `patience` is how many seconds it waits for its folder.
    """

    patience = 0.0

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        seed: int,
        device: str = "cpu",
        stop: tuple[int | None, int | None] = (None, None),
    ) -> None:
        self.folder = folder
        self.recipe = recipe
        self.seed = seed
        self.device = device
        self.stop = stop
        self.processors: list[str] = []  # what has trained it so far
        self.trained_seconds = 0.0  # up to the newest checkpoint
        self.teachers: Sequence[Run] = ()
        self._last: dict[str, Any] = {}  # how, with which versions and when it was last trained
        self.epochs: list[dict[str, Any]] = []
        self.tensorboard = False
        self._events: Events | None = None
        self._told_to_end = 0.0  # when
        self._digested = 0  # epochs whose line says what the arrays were
        self._resumed = 0  # epochs of earlier sessions
        self._trained = False  # anything in this session
        self._before = 0.0
        self._started = time.monotonic()

    @property
    def identity(self) -> dict[str, Any]:
        """Whatever decides the bits: a checkpoint must agree with it to be gone on from."""
        plain = json.loads(json.dumps(dataclasses.asdict(self.recipe)))
        return {
            "name": self.recipe.name,
            "recipe": plain,
            "seed": self.seed,
            "environment": {"device": self.device, "settings": environment.settings()},
        }

    @property
    def seconds(self) -> float:
        return self._before + time.monotonic() - self._started

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder; a second trainer on it leaves with one line.

        What a killed training left half-written is removed. SIGTERM ends the program at the next
        checkpoint, a second one at once.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / ".lock", timeout=self.patience):
                for folder in (self.folder, self.folder / "checkpoints"):
                    sweep(folder.glob(f".*{PARTIAL}"))
                before = signal.signal(signal.SIGTERM, self._told)
                try:
                    yield
                finally:
                    signal.signal(signal.SIGTERM, before)
        except Timeout:
            sys.exit(f"{self.folder} is in use by another training: wait for it or pass --out.")

    def _told(self, *_: object) -> None:
        now = time.monotonic()
        if not self._told_to_end:
            self._told_to_end = now
            with suppress(OSError):  # whoever read may have ended first
                os.write(2, b"SIGTERM: ends at the next checkpoint; a second one ends at once.\n")
        elif now - self._told_to_end > _ONE_ORDER:
            sys.exit(128 + signal.SIGTERM)

    def resume(self) -> checkpoint.Checkpoint | None:
        """The state to go on from, or None for a run that starts; the clock goes from here on."""
        self._started = time.monotonic()
        found = self.newest()
        if found is None:
            return None
        if found.progress["identity"] != self.identity:
            sys.exit(
                f"{self.folder} holds a run with another recipe, seed, device or settings: "
                "move it away, or pass --out to train elsewhere."
            )
        self.epochs = found.progress["epochs"]
        self._digested = self._resumed = len(self.epochs)
        self._before = self.trained_seconds = found.progress["seconds"]
        self.processors = found.progress["processors"]
        self._last = found.progress.get("last", {})  # those of before 0.1.0 hold none
        with self._writing(found.progress["step"]):
            self._write_log()
        self._stop_where_told(found.progress["step"])
        return found

    def newest(self) -> checkpoint.Checkpoint | None:
        """The folder's newest whole checkpoint."""
        return checkpoint.load(self.folder / "checkpoints")

    def save(self, step: int, arrays: Mapping[str, np.ndarray], **progress: Any) -> None:
        """Make everything up to `step` safe: checkpoint first, then the log that it implies.

        The line of an epoch that has just ended says what the arrays are then. Ends the program
        where the run was told to stop, and with one line where the folder cannot be written.
        """
        if len(self.epochs) > self._digested:
            self.epochs[-1] |= {"step": step, "tensors": digests(arrays)}
            self._digested = len(self.epochs)
        self._trained = True
        self.processors = sorted({*self.processors, environment.processor()})
        self._last = _now()
        self.trained_seconds = self.seconds
        progress |= {
            "step": step,
            "identity": self.identity,
            "epochs": self.epochs,
            "seconds": self.trained_seconds,
            "processors": self.processors,
            "last": self._last,
        }
        with self._writing(step):
            checkpoint.save(self.folder / "checkpoints", step, arrays, progress)
            self._write_log()
            self._show()
        self._stop_where_told(step)

    @contextmanager
    def _writing(self, step: int) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            sys.exit(
                f"{self.folder} cannot be written at step {step} ({error.strerror}); the "
                "checkpoint before is kept. Make room, and start the same command again."
            )

    def _write_log(self) -> None:
        """The log of what the newest checkpoint knows, also where a stop came between the two."""
        lines = "".join(json.dumps(one) + "\n" for one in self.epochs)
        write_atomically(self.folder / "log.jsonl", lines.encode())

    def log(self, epoch: int, facts: Mapping[str, float]) -> str:
        """Note an epoch for the next `save`; returns the line to show."""
        self.epochs.append({"epoch": epoch, **facts, "seconds": round(self.seconds, 3)})
        numbers = "  ".join(f"{name} {value:.5g}" for name, value in facts.items())
        return f"epoch {epoch}  {numbers}  after {self.seconds:.0f} s"

    def _show(self) -> None:
        """Bring the event files, where they are asked for, up to date."""
        if self.tensorboard:
            self._events = self._events or Events(self.folder, self.epochs[: self._resumed])
            self._events.add(self.epochs)

    def _stop_where_told(self, step: int) -> None:
        epochs, steps = self.stop
        if (epochs and len(self.epochs) >= epochs) or (steps and step >= steps):
            print(f"Stopped at step {step}, as told; without that option the run goes on.")
            sys.exit(0)
        if self._told_to_end:
            print(f"Ended by SIGTERM at step {step}, which is saved; the same command goes on.")
            sys.exit(128 + signal.SIGTERM)

    def finish(
        self,
        weights: Mapping[str, np.ndarray],
        results: Mapping[str, float],
        *,
        target_met: bool,
        **facts: Any,
    ) -> None:
        """Write the finished weights, and then `run.json`, which says that they are finished.

        A session that only completes a run which was trained before adds nothing to its history.
        """
        digest = params.write(self.folder / "final.safetensors", weights)
        identity = self.identity
        every = (self, *self.teachers)
        processors = sorted({name for one in every for name in one.processors})
        machine = environment.machine() | {"processors": processors}
        own = self.seconds if self._trained else self._before
        seconds = own + sum(one.trained_seconds for one in self.teachers)
        record = identity | {
            "environment": identity["environment"] | machine,
            **(self._last or _now()),
            "wall_seconds": round(seconds, 1),
            "epochs": len(self.epochs),
            "sha256": digest,
            "results": dict(results),
            "target_met": target_met,
            **facts,
        }
        text = json.dumps(record, indent=1) + "\n"
        write_atomically(self.folder / "run.json", text.encode())


def _now() -> dict[str, Any]:
    return {
        "command": shlex.join(["python", *sys.argv]),
        "versions": environment.versions(),
        "finished": datetime.date.today().isoformat(),
    }
