"""Which process a temporary file belongs to, told by its name, and whether that one still lives."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import re
import secrets
from pathlib import Path

PARTIAL = ".part"
_OWNED = re.compile(r"\..+\.([0-9a-f]{8})-(\d+)\.(\d+)-[0-9a-f]{8}" + re.escape(PARTIAL))


def own_path(folder: Path, name: str) -> Path:
    """A name that no other process takes: `.<name>.<machine>-<process>.<start>-<random>.part`."""
    owner = f"{machine()}-{os.getpid()}.{_started(os.getpid()) or 0}"
    return folder / f".{name}.{owner}-{secrets.token_hex(4)}{PARTIAL}"


def is_owned(path: Path) -> bool:
    """Whether `own_path` gave this name to some process."""
    return _OWNED.fullmatch(path.name) is not None


def is_at_work(path: Path) -> bool:
    """Whether the process that the name tells may still live."""
    if not (owner := _OWNED.fullmatch(path.name)):
        return False
    home, process, started = owner.groups()
    return home != machine() or _started(int(process)) in (int(started), None)


@functools.cache
def machine() -> str:
    """This machine since it was started, or this container, in eight hex digits."""
    name = platform.node()
    with contextlib.suppress(OSError):
        name += Path("/proc/sys/kernel/random/boot_id").read_text()
        name += os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(name.encode()).hexdigest()[:8]


def _started(process: int) -> int | None:
    """When the process was started, in ticks; 0 where it is gone, None where nobody can say."""
    try:
        status = Path(f"/proc/{process}/stat").read_text("utf-8", "replace")
    except FileNotFoundError:
        return 0 if Path("/proc/self/stat").exists() else None
    except OSError:
        return None
    fields = status.rpartition(")")[2].split()
    return 0 if fields[0] in "ZX" else int(fields[19])
