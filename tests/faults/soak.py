"""The cable pulled, processes killed and stopped, the disk filled, all at random, for minutes.

python tests/faults/soak.py --minutes 10

Fails on a wrong byte, a fetch that takes longer than its bound, an error that is no ZooError, or
anything but the published files after the next run. As root the cache is on a disk of 6 MiB that
is really full now and then; elsewhere files are limited instead.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # as pytest does

from hostile_answers import ANSWERS
from hostile_server import HostileServer, Talk
from mirrors import files_in
from processes import forking
from soak_worker import LONGEST, REFUSED, RIGHT, SIZES, SLOW, content_of, published, work

from zoo.cache import cached_path

FOUL = (
    "body_cut_with_full_length",
    "body_cut_chunked",
    "one_bit_flipped",
    "login_page_of_the_size",
    "empty_200",
    "endless_body",
    "broken_for_ever",
    "stalled_body",
    "never_answers",
    "reset_once",
    "trailing_junk",
)
_DISK = 6 << 20
_STARTED = 4  # a busy machine may take so much longer to start a process
_FILLER = "filler"


class SoakError(Exception):
    """What must never happen has happened."""


class Soak:
    """One run: a server, a disk, and processes that suffer."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self._choose = random.Random(seed)
        self._weather = random.Random(seed + 1)
        self._folder = folder
        self._home = folder / "home"
        self._contents = {name: content_of(name) for name in SIZES}
        self._pulled = False
        self._calm = False
        self._mounted = False
        self._server = HostileServer(b"")
        self._server.answers["weather"] = self._answer

    def run(self, seconds: float) -> None:
        """Rounds of trouble, each followed by calm. Raises SoakError."""
        until = time.monotonic() + seconds
        before = os.environ.get("ZOO_HOME")
        os.environ["ZOO_HOME"] = str(self._home)
        try:
            with self._disk(), self._server.running():
                while time.monotonic() < until:
                    self._round()
        finally:
            os.environ.pop("ZOO_HOME") if before is None else os.environ.update(ZOO_HOME=before)

    def _round(self) -> None:
        self.counts["rounds"] += 1
        self._calm = False
        self._spoil_the_cache()
        workers = [self._start() for _ in range(self._choose.randint(1, 4))]
        for _ in range(self._choose.randint(2, 10)):
            time.sleep(self._choose.random() * 0.2)
            self._trouble(workers)
            self._check_files()
        self._settle()
        for worker in workers:
            self._finish(worker)
        self._calm = True
        for name in SIZES:
            self._finish(self._start(name, calm=True))
        self._check_files()
        self._check_nothing_is_left()
        self.counts["requests"] += len(self._server.talks)
        self._server.talks.clear()

    def _trouble(self, workers: list[Any]) -> None:
        what = self._choose.choice(("kill", "stop", "cable", "cable", "disk", "disk", "more"))
        alive = [one for one in workers if one.is_alive()]
        if what == "cable":
            self._pulled = not self._pulled
            self.counts["cable pulled"] += self._pulled
        elif what == "disk":
            self._fill()
        elif what == "more" and len(workers) < 8:
            workers.append(self._start())
        elif alive and what in ("kill", "stop"):
            sign = signal.SIGKILL if what == "kill" else signal.SIGSTOP
            self._signal(self._choose.choice(alive), sign)
            self.counts["killed" if what == "kill" else "stopped"] += 1

    def _start(self, name: str = "", *, calm: bool = False) -> Any:
        name = name or self._choose.choice(list(SIZES))
        limited = not calm and not self._mounted and self._choose.random() < 0.3
        largest = self._choose.randrange(1, 2_000_000) if limited else 0
        self.counts["files limited"] += limited
        mirror = f"{self._server.address}/weather"
        worker = forking().Process(target=work, args=(str(self._home), mirror, name, largest, calm))
        worker.start()
        self.counts["fetches"] += 1
        return worker

    def _finish(self, worker: Any) -> None:
        worker.join(_STARTED * LONGEST)
        code = worker.exitcode
        if code is None:
            worker.kill()
            raise SoakError("a fetch never ended")
        if code == SLOW:
            raise SoakError(f"a fetch took longer than {LONGEST} s")
        self.counts[{RIGHT: "right", REFUSED: "refused", -9: "ended"}.get(code, "other")] += 1
        if code not in (RIGHT, REFUSED, -9) or (self._calm and code != RIGHT):
            raise SoakError(f"a fetch ended with {code}{' in calm' if self._calm else ''}")

    def _settle(self) -> None:
        """Plug the cable in, free the disk, wake who sleeps."""
        self._pulled = False
        (self._home / _FILLER).unlink(missing_ok=True)
        for child in forking().active_children():
            self._signal(child, signal.SIGCONT)

    def _signal(self, worker: Any, sign: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.pid, sign)

    def _spoil_the_cache(self) -> None:
        for name in SIZES:
            path = cached_path(published(name))
            what = self._choose.choice(("remove", "remove", "flip", "cut", "leave"))
            if what == "remove":
                path.unlink(missing_ok=True)
            elif path.exists() and what != "leave":
                path.chmod(0o644)
                with path.open("r+b") as file:
                    if what == "cut":
                        file.truncate(SIZES[name] // 2)
                    else:
                        file.write(bytes([self._contents[name][0] ^ 1]))
                self.counts["damaged"] += 1

    def _check_files(self) -> None:
        """Whatever a reader is given is judged there; here only what was published this round."""
        for name, content in self._contents.items():
            path = cached_path(published(name))
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                if not status.st_mode & 0o200 and path.read_bytes() != content:
                    raise SoakError(f"wrong bytes under the final name {path.name}")

    def _check_nothing_is_left(self) -> None:
        finals = {cached_path(published(name)).name for name in SIZES}
        left = [name for name in files_in(self._home) if name not in finals]
        for name in [one for one in left if one.endswith(".damaged")]:  # kept for a look at them
            (self._home / "weights" / name).unlink()
            left.remove(name)
        if left:
            raise SoakError(f"left over: {', '.join(left)}")

    def _answer(self, talk: Talk) -> None:
        talk.content = self._contents[talk.path.rpartition("/")[2]]
        dice = self._weather.random()
        if self._pulled:
            talk.reset()
        elif self._calm or dice < 0.6:
            self._slowly(talk)
        else:
            ANSWERS[self._weather.choice(FOUL)](talk)

    def _slowly(self, talk: Talk) -> None:
        start, size = talk.start, len(talk.content)
        span = f"bytes {start}-{size - 1}/{size}" if start else None
        status = "206 Partial Content" if start else "200 OK"
        talk.reply(b"", status, Content_Length=size - start, Content_Range=span, ETag='"first"')
        for at in range(start, size, 1 << 16):
            if self._pulled:
                return talk.reset()
            talk.send(talk.content[at : at + (1 << 16)])
            if not self._calm:
                time.sleep(0.005)
        return None

    @contextlib.contextmanager
    def _disk(self) -> Iterator[None]:
        self._home.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(self._home)]
        allowed = os.geteuid() == 0 and shutil.which("mount") is not None
        self._mounted = allowed and not subprocess.run(mount, capture_output=True).returncode
        try:
            yield
        finally:
            for child in forking().active_children():
                child.kill()
                child.join()
            if self._mounted:
                subprocess.run(["umount", str(self._home)], check=True)

    def _fill(self) -> None:
        filler = self._home / _FILLER
        if not self._mounted or filler.exists():
            return filler.unlink(missing_ok=True)
        self.counts["disk filled"] += 1
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 16))
        return None


def soak(seconds: float, seed: int) -> Counter[str]:
    """Run for so long; what happened how often. Raises SoakError."""
    with tempfile.TemporaryDirectory() as folder:
        one = Soak(Path(folder), seed)
        one.run(seconds)
        return one.counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    counts = soak(options.minutes * 60, options.seed)
    print(", ".join(f"{what} {count}" for what, count in sorted(counts.items())))
    print("no wrong byte, no hang, no left-over")


if __name__ == "__main__":
    main()
