"""Data parallel training over MXNet's own engine: each worker learns from its part of each batch.

The servers only add gradients up. Every worker has its own optimizer, makes the same update from
the same sums, and so holds the same bits; nothing is pickled.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import progress
import roles

from zoo._mxnet import mx


class Group:
    """The workers of a run, of which this process is number `rank`; without a store alone."""

    def __init__(self, rank: int = 0, workers: int = 1, store: Any = None) -> None:
        self.rank = rank
        self.workers = workers
        self._store = store
        self._sizes: set[int] = set()

    @property
    def leads(self) -> bool:
        """Whether this worker measures, saves and publishes for all."""
        return self.rank == 0

    def part(self, count: int) -> slice:
        """This worker's share of so many rows; the shares of all cover them without overlap."""
        return slice(self.rank * count // self.workers, (self.rank + 1) * count // self.workers)

    def share(self, batch_size: int) -> int:
        """How many examples of a batch a worker gets; the end with a line where it is no number."""
        if batch_size % self.workers:
            fitting = [one for one in range(1, batch_size + 1) if batch_size % one == 0]
            sys.exit(
                f"A batch of {batch_size} cannot be shared evenly by {self.workers} workers: start "
                f"{', '.join(map(str, fitting))} of them, or make it larger with --scale."
            )
        return batch_size // self.workers

    def sum(self, arrays: Sequence[Any]) -> None:
        """Replace each MXNet array by its sum over the workers, to the same bits on all of them.

        The servers add float32 in the order of arrival. For two workers the order cannot matter;
        with more, two runs differ in the last bits.
        """
        if self._store is None or not arrays:
            return
        total = self._added(mx.nd.concat(*(one.reshape(-1) for one in arrays), dim=0))
        start = 0
        for one in arrays:
            one[:] = total[start : start + one.size].reshape(one.shape)
            start += one.size

    def mean(self, arrays: Sequence[Any]) -> None:
        """Replace each MXNet array by its mean over the workers, in the same way."""
        self.sum(arrays)
        for one in arrays if self.workers > 1 else ():
            one /= self.workers

    def gather(self, array: Any, axis: int) -> np.ndarray:
        """The MXNet arrays of all workers, equal in shape, one after another along the axis."""
        parts = [mx.nd.zeros_like(array) for _ in range(self.workers)]
        parts[self.rank] = array
        whole = mx.nd.concat(*parts, dim=axis)
        self.sum([whole])
        found: np.ndarray = whole.asnumpy()
        return found

    def broadcast(self, content: bytes) -> bytes:
        """The first worker's bytes, on every worker."""
        if self._store is None:
            return content
        own = content if self.leads else b""
        low, high = self._added_numbers(np.array([len(own) % 65536, len(own) // 65536]))
        count = 65536 * high + low
        numbers = np.zeros(-(-count // 2), np.uint16)
        if self.leads:
            numbers[:] = np.frombuffer(own + b"\0" * (count % 2), np.uint16)
        return self._added_numbers(numbers).astype(np.uint16).tobytes()[:count]

    def agree(self, digest: bytes) -> bool:
        """Whether all workers have come to the same digest."""
        own = np.frombuffer(digest, np.uint16).astype(np.int64)
        return self._store is None or bool((self._added_numbers(own) == self.workers * own).all())

    def close(self) -> None:
        """Wait for the other workers and let the servers go."""
        self._store = None

    def _added_numbers(self, numbers: np.ndarray) -> np.ndarray:
        """The sum over the workers of numbers of 16 bits, which float32 holds exactly."""
        if not numbers.size:
            return numbers
        flat = mx.nd.array(numbers.astype(np.float32))
        found: np.ndarray = self._added(flat)[: numbers.size].asnumpy().astype(np.int64)
        return found

    def _added(self, flat: Any) -> Any:
        """The sum of a float32 vector over the workers, and perhaps zeros behind it.

        The store keeps an array for each size that it has seen. Sizes are rounded up, by an eighth
        at most, so that there are few. MXNet 1.9.1 does not say in which precision its servers add
        other types than float32.
        """
        grain = 1 << max(0, flat.size.bit_length() - 4)
        size = -(-flat.size // grain) * grain
        if size > flat.size:
            flat = mx.nd.concat(flat, mx.nd.zeros(size - flat.size, ctx=flat.context), dim=0)
        total = mx.nd.zeros(size, ctx=flat.context)
        if size not in self._sizes:
            self._store.init(str(size), total)
            self._sizes.add(size)
        self._store.push(str(size), flat)
        self._store.pull(str(size), total)
        return total


@contextmanager
def joined(distributed: bool) -> Iterator[Group]:
    """The group that the process belongs to, left together with the others at the end.

    An error ends the process at once, and the hub tells the others.
    """
    if not distributed:
        if "DMLC_ROLE" in os.environ:
            sys.exit("A launcher has given this process a role (DMLC_ROLE): pass --distributed.")
        yield Group()
        return
    mine = roles.job()
    member = roles.enter(mine)
    try:
        store = mx.kv.create("dist_sync")
        group = Group(store.rank if mine.number is None else mine.number, mine.workers, store)
        del store
        progress.console.quiet = not group.leads
        yield group
        group.close()
    except BaseException as error:
        if not isinstance(error, SystemExit) or error.code:
            roles.give_up(member, error)
        group.close()
        member.leave()
        raise
    member.leave()
