"""A published record opened on a runtime: arrays in and arrays out, as the record declares them.

Both runtimes get the same verified safetensors. ONNX Runtime runs the published graph into which
they are bound in memory, and needs no MXNet; MXNet runs the Gluon network.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo import params
from zoo.errors import ConfigError, InputError, WeightsError, near, shown
from zoo.fetching import read_artifact
from zoo.manifest import TensorSpec, Weights
from zoo.models import build_published, check_known

Arrays = tuple[NDArray[Any], ...]

RUNTIMES = ("onnx", "mxnet")
_ROWS = 256  # of a batch, run at once
_OF_MXNET = (RuntimeError, TypeError, ValueError, AssertionError)  # MXNetError is a RuntimeError


class Runner(ABC):
    """A record's network, ready to run. `name` is the runtime's."""

    name: str

    def __init__(self, weights: Weights) -> None:
        self.weights = weights

    def run(self, *inputs: NDArray[Any]) -> Arrays:
        """The outputs, in the order of the record's, for inputs in the order of the record's.

        Raises InputError for an input of the wrong number, shape, dtype or range, WeightsError for
        a network that is not what the record says.
        """
        check_inputs(self.weights, inputs)
        outputs = self._run(inputs)
        check_outputs(self.weights, inputs, outputs)
        return outputs

    @abstractmethod
    def _run(self, inputs: Arrays) -> Arrays: ...

    def run_rows(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The first output for any number of rows, which are run a few hundred at a time."""
        starts = range(0, max(len(rows), 1), _ROWS)
        return np.concatenate([self.run(rows[at : at + _ROWS])[0] for at in starts])

    def step(self, ids: NDArray[np.int64], state: Arrays) -> tuple[NDArray[Any], Arrays]:
        """A language model's logits (time, batch, vocabulary) and its next state."""
        logits, *following = self.run(ids, *state)
        return logits, tuple(following)

    def begin_state(self, batch: int = 1) -> Arrays:
        """A language model's state before any text: zeros."""
        return tuple(
            np.zeros([size if isinstance(size, int) else batch for size in spec.shape], spec.dtype)
            for spec in self.weights.inputs[1:]
        )


class SessionRunner(Runner):
    """A session of ONNX Runtime with a model that holds the record's weights in some form."""

    def __init__(self, weights: Weights, session: Any, name: str) -> None:
        super().__init__(weights)
        self.name = name
        self._outputs = [spec.name for spec in weights.outputs]
        self._session = session

    def _run(self, inputs: Arrays) -> Arrays:
        from zoo.onnx.sessions import is_of_onnxruntime

        names = (spec.name for spec in self.weights.inputs)
        feeds = dict(zip(names, inputs, strict=True))
        try:
            return tuple(self._session.run(self._outputs, feeds))
        except Exception as error:
            if not is_of_onnxruntime(error) and not isinstance(error, RuntimeError | ValueError):
                raise
            reason = " ".join(str(error).split())
            raise WeightsError(f"{self.weights.name}: its graph cannot be run: {reason}") from None


class OnnxRunner(SessionRunner):
    """ONNX Runtime with the graph and the arrays of the record's artifacts."""

    def __init__(self, weights: Weights, graph: bytes, arrays: Mapping[str, NDArray[Any]]) -> None:
        from zoo.onnx.binding import bind
        from zoo.onnx.sessions import open_session

        super().__init__(weights, open_session(bind(graph, arrays)), "onnx")


class MxnetRunner(Runner):
    """The Gluon network, hybridized, on the CPU."""

    name = "mxnet"

    def __init__(self, weights: Weights, arrays: Mapping[str, NDArray[Any]]) -> None:
        from zoo._mxnet import mx

        super().__init__(weights)
        self._mx = mx
        self._net = build_published(weights.name, weights.architecture, **weights.config)
        params.load(self._net, arrays, dtype=weights.artifact("safetensors").dtype)
        self._net.hybridize(static_alloc=True)

    def _run(self, inputs: Arrays) -> Arrays:
        from zoo.onnx.reasons import in_one_line

        try:
            return self._called(inputs)
        except _OF_MXNET as error:
            reason = shown(in_one_line(error), 300)
            raise WeightsError(
                f"{self.weights.name}: its network cannot be run: {reason}"
            ) from None

    def _called(self, inputs: Arrays) -> Arrays:
        data, *states = (self._mx.nd.array(one, dtype=_mxnet_dtype(one)) for one in inputs)
        if not states:
            return (self._net(data).asnumpy(),)
        output, states = self._net(data, states)
        return tuple(one.asnumpy() for one in (output, *states))


def _mxnet_dtype(array: NDArray[Any]) -> str:
    return "int32" if array.dtype == np.int64 else str(array.dtype)


def open_runner(
    weights: Weights, runtime: str | None = None, *, mirrors: Sequence[str] | None = None
) -> Runner:
    """The record's network on `runtime`, 'onnx' (also for None) or 'mxnet'.

    Its files are fetched and verified, from `mirrors` as in `zoo.fetching`. Raises ConfigError for
    an unknown runtime, UnknownModelError for an architecture that this package does not know,
    MissingDependencyError for what is not installed, and the errors of fetching and WeightsError.
    """
    runtime = runtime or "onnx"
    if runtime not in RUNTIMES:
        raise ConfigError(f"There is no runtime {runtime!r}. {near(runtime, RUNTIMES)}")
    check_known(weights.architecture, weights.name)
    arrays = params.read(read_artifact(weights.artifact("safetensors"), mirrors=mirrors))
    if runtime == "mxnet":
        return MxnetRunner(weights, arrays)
    graph = read_artifact(weights.artifact("onnx-graph"), mirrors=mirrors)
    return OnnxRunner(weights, graph, arrays)


def check_inputs(weights: Weights, inputs: Sequence[NDArray[Any]]) -> None:
    """Raises InputError unless `inputs` are what the record declares."""
    if len(inputs) != len(weights.inputs):
        names = ", ".join(spec.name for spec in weights.inputs)
        raise InputError(
            f"{weights.name} takes {len(weights.inputs)} inputs ({names}), not {len(inputs)}."
        )
    axes: dict[str, int] = {}
    for spec, array in zip(weights.inputs, inputs, strict=True):
        _check_tensor(weights.name, spec, array, axes)
        if spec.dtype == "int64":
            _check_ids(weights, spec, array)


def _check_tensor(name: str, spec: TensorSpec, array: Any, axes: dict[str, int]) -> None:
    declared = f"{spec.dtype} ({', '.join(map(str, spec.shape))})"
    if not isinstance(array, np.ndarray):
        raise InputError(
            f"Input {spec.name!r} of {name} is an array {declared}, not a {type(array).__name__}."
        )
    wanted = [
        axes.setdefault(size, given) if isinstance(size, str) else size
        for size, given in zip(spec.shape, array.shape, strict=False)
    ]
    fits = array.ndim == len(spec.shape) and list(array.shape) == wanted and array.size > 0
    if str(array.dtype) != spec.dtype or not fits:
        raise InputError(
            f"Input {spec.name!r} of {name} must be {declared}, not {array.dtype} "
            f"({', '.join(map(str, array.shape))})."
        )


def check_outputs(weights: Weights, inputs: Arrays, outputs: Sequence[Any]) -> None:
    """Raises WeightsError unless a network's outputs for `inputs` are what the record declares."""
    if len(outputs) != len(weights.outputs):
        raise WeightsError(
            f"{weights.name}: its network has {len(outputs)} outputs, not {len(weights.outputs)}, "
            "as the record says."
        )
    axes = {
        size: given
        for spec, array in zip(weights.inputs, inputs, strict=True)
        for size, given in zip(spec.shape, array.shape, strict=True)
    }
    for spec, array in zip(weights.outputs, outputs, strict=True):
        _check_output(weights.name, spec, array, [axes.get(size, size) for size in spec.shape])


def _check_output(name: str, spec: TensorSpec, array: Any, wanted: Sequence[int | str]) -> None:
    found = list(getattr(array, "shape", ()))
    fits = len(found) == len(wanted) and all(
        isinstance(one, str) or one == size for one, size in zip(wanted, found, strict=True)
    )
    kind = str(getattr(array, "dtype", type(array).__name__))
    if not fits or kind != spec.dtype:
        raise WeightsError(
            f"{name}: output {spec.name!r} of its network is {kind} "
            f"({', '.join(map(str, found))}), not {spec.dtype} "
            f"({', '.join(map(str, wanted))}), as the record says."
        )


def _check_ids(weights: Weights, spec: TensorSpec, ids: NDArray[Any]) -> None:
    vocabulary = weights.outputs[0].shape[-1]
    if not isinstance(vocabulary, int):
        raise WeightsError(f"{weights.name}: the last axis of its output has no fixed size.")
    if ids.min() < 0 or ids.max() >= vocabulary:
        raise InputError(
            f"Input {spec.name!r} of {weights.name} holds token ids from 0 to {vocabulary - 1}, "
            f"not from {ids.min()} to {ids.max()}."
        )
