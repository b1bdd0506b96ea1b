"""What a person sees of a training run."""

from __future__ import annotations

import io

import progress


class Broken(io.StringIO):
    """A pipe that nobody reads any more."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_training_goes_on_when_nobody_reads_any_more() -> None:
    console = progress._Console(file=Broken())
    console.print("epoch 1")
    assert console.quiet
    console.print("epoch 2")
