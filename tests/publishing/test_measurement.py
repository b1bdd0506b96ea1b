"""How far the runtimes may be apart."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from zoo.errors import PublishError
from zoo.evaluation import Score
from zoo.publishing import measurement

CANDIDATE: Any = SimpleNamespace(
    weights=SimpleNamespace(name="lenet.mnist"), dataset=SimpleNamespace(name="mnist")
)


def _metrics(on_mxnet: int, on_onnx: int) -> Any:
    """Accuracies of so many right answers in 10,000."""
    rights = {"mxnet": on_mxnet, "onnx": on_onnx}
    scores = {name: {"accuracy": Score(10000, one / 10000)} for name, one in rights.items()}
    return measurement._metrics(CANDIDATE, scores)


def test_three_examples_may_be_classified_otherwise() -> None:
    for right in range(9800, 9998):
        assert _metrics(right, right + 3)[0].value == right / 10000
        assert _metrics(right + 3, right)[0].tolerance == 3 / 10000


def test_four_may_not() -> None:
    for right in range(9800, 9997):
        with pytest.raises(PublishError, match="the graph is not the network"):
            _metrics(right, right + 4)
