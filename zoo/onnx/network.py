"""Networks of MXNet: a Gluon block, or a Symbol with its parameters."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo import params
from zoo._mxnet import gluon, mx
from zoo.errors import ExportError
from zoo.onnx.mxnet_files import describe, free_inputs, parameters_beside, read_network
from zoo.onnx.reasons import in_one_line
from zoo.onnx.shapes import TensorType
from zoo.onnx.specs import Arguments, flatten, read_specs, rebuild
from zoo.onnx.symbol import operators
from zoo.onnx.tracing import Network, Weight
from zoo.onnx.weights import LazyArrays

_AUTOMATIC = re.compile(r"[a-z_]+0")


class GluonNetwork(Network):
    """A HybridBlock. Raises ExportError when it cannot be traced."""

    def __init__(self, net: Any, inputs: Any) -> None:
        self._net = net
        self.origin = {"source": type(net).__name__}
        self._arguments = _arguments(net, inputs)
        self.inputs = tuple(flatten(self._arguments))
        variables = {spec.name: _variable(spec.name, spec.dtype) for spec in self.inputs}
        self.symbol = _grouped(_symbols(self._call(variables)))
        self._parameters = _parameters(net, self.symbol)
        self._prefixes = dict(_prefixes(net, ""))
        self.weights = {
            one.name: Weight(name, TensorType(tuple(one.shape or ()), np.dtype(one.dtype).name))
            for name, one in self._parameters.items()
        }
        if len(self.weights) < len(self._parameters):
            raise ExportError("Two parameters of the network have the same name in MXNet.")

    def load(self, text: str) -> Any:
        return mx.sym.load_json(text)

    def path(self, name: str) -> str:
        for end in range(len(name), 0, -1):
            if name[end - 1] == "_" and name[:end] in self._prefixes:
                return _joined(self._prefixes[name[:end]], name[end:])
        return name

    def arrays(self) -> LazyArrays:
        if any(one._deferred_init for one in self._parameters.values()):
            raise ExportError(
                "The network's shapes are not settled yet: run it once, then export it."
            )
        for name, one in self._parameters.items():
            if one._data is None:
                raise ExportError(f"{name} has no value: initialise the network or load weights.")
        return LazyArrays({name: partial(_value, one) for name, one in self._parameters.items()})

    def run(self, arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        ctx = next((one.list_ctx()[0] for one in self._parameters.values()), mx.cpu())
        tensor = mx.np.array if mx.util.is_np_array() else mx.nd.array
        tensors = {
            spec.name: tensor(array, dtype=array.dtype, ctx=ctx)
            for spec, array in zip(self.inputs, arrays, strict=True)
        }
        with mx.autograd.pause(train_mode=False):
            return [one.asnumpy() for one in flatten(self._net(*rebuild(self._arguments, tensors)))]

    def _call(self, variables: Mapping[str, Any]) -> Any:
        try:
            with mx.name.NameManager():  # MXNet's own goes on counting from call to call
                return self._net(*rebuild(self._arguments, variables))
        except Exception as error:  # the network's own code may raise anything
            raise ExportError(
                f"{type(self._net).__name__} cannot be traced with symbols: {in_one_line(error)} "
                "States go into a list: inputs=[data, [h, c]]."
            ) from error


class SymbolNetwork(Network):
    """A Symbol and its parameters, as a checkpoint or Gluon's `export` gives them."""

    def __init__(
        self,
        symbol: Any,
        inputs: Any,
        given: Mapping[str, Any],
        origin: Mapping[str, str],
    ) -> None:
        self.symbol = symbol
        self.origin = origin
        needed = symbol.list_inputs()
        self._numpy_shapes = any(op.startswith("_np") for op in operators(symbol.tojson()))
        self._given = {name: given[name] for name in needed if name in given}
        free = free_inputs(symbol, given)
        if inputs is None:
            raise ExportError(f"inputs is needed: the shapes of {', '.join(free) or 'all inputs'}.")
        self.inputs = tuple(flatten(read_specs(inputs, free)))
        self.weights = {
            name: Weight(name, TensorType(tuple(array.shape), np.dtype(array.dtype).name))
            for name, array in self._given.items()
        }

    def load(self, text: str) -> Any:
        return mx.sym.load_json(text)

    def path(self, name: str) -> str:
        return name

    def scope(self) -> Any:
        return mx.util.np_shape(self._numpy_shapes or mx.util.is_np_shape())

    def arrays(self) -> LazyArrays:
        return LazyArrays({name: partial(_numpy, one) for name, one in self._given.items()})

    def run(self, arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        with self.scope():
            return self._run(arrays)

    def _run(self, arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        given = {spec.name: one for spec, one in zip(self.inputs, arrays, strict=True)}
        tensors = {name: _tensor(array) for name, array in {**self._given, **given}.items()}
        tensors.update(self._labels(tensors))
        # not by `bind`: it overwrites an output from which one listed before it is computed
        run = mx.nd.CachedOp(self.symbol)
        with mx.autograd.pause(train_mode=False):
            outputs = run(*(tensors[name] for name in self.symbol.list_inputs()))
        return [one.asnumpy() for one in flatten(outputs)]

    def _labels(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """Zeros for the labels of heads."""
        names = self.symbol.list_arguments()
        known = {name: one.shape for name, one in tensors.items() if name in names}
        shapes, _, _ = self.symbol.infer_shape(**known)
        missing = dict(zip(names, shapes, strict=True))
        return {name: mx.nd.zeros(missing[name]) for name in names if name not in tensors}


def open_network(net: Any, inputs: Any, parameters: Any) -> Network:
    """The network of a HybridBlock, a Symbol or its files. Raises ExportError for others."""
    origin: dict[str, str] = {}
    if isinstance(net, str | Path):
        parameters = parameters_beside(net) if parameters is None else parameters
        origin = describe(net, parameters)
    if isinstance(net, str | Path | mx.sym.Symbol):
        symbol, given = read_network(net, {} if parameters is None else parameters)
        return SymbolNetwork(symbol, inputs, given, origin)
    if not isinstance(net, gluon.HybridBlock):
        raise ExportError(f"{type(net).__name__} is neither a HybridBlock nor a Symbol.")
    if parameters is not None:
        raise ExportError("A HybridBlock has its own parameters: leave out `params`.")
    return GluonNetwork(net, inputs)


def _arguments(net: Any, inputs: Any) -> Arguments:
    if inputs is None:
        if not callable(getattr(net, "input_specs", None)):
            raise ExportError(
                f"inputs is needed: {type(net).__name__} does not tell the shapes of its inputs. "
                "Give them with names for free axes, such as ('batch', 3, 224, 224)."
            )
        inputs = net.input_specs()
    arguments = read_specs(inputs)
    most = _argument_count(net)
    if most and len(arguments) > most:  # a flat list: the last argument takes a list of states
        return [*arguments[: most - 1], arguments[most - 1 :]]
    return arguments


def _argument_count(net: Any) -> int | None:
    """How many tensors a call of `net` takes; None for any number."""
    if isinstance(net, gluon.rnn.rnn_layer._RNNLayer):
        return 2  # the optional third is the lengths of sequences
    first, *others = inspect.signature(net.hybrid_forward).parameters.values()
    if any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in (first, *others)):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(one.kind in positional and one.name not in net._reg_params for one in others)


def _variable(name: str, dtype: str) -> Any:
    """A variable of `mx.np` where that is switched on."""
    variable = mx.sym.var(name, dtype=dtype)
    return variable.as_np_ndarray() if mx.util.is_np_array() else variable


def _grouped(symbols: Sequence[Any]) -> Any:
    return mx.sym.Group([one.as_nd_ndarray() for one in symbols])


def _symbols(result: Any) -> list[Any]:
    symbols = flatten(result)
    wrong = [type(one).__name__ for one in symbols if not isinstance(one, mx.sym.Symbol)]
    if wrong:
        raise ExportError(f"The network returns a {wrong[0]}: only tensors can be exported.")
    return symbols


def _parameters(net: Any, symbol: Any) -> dict[str, Any]:
    """By structural name; those that belong to no attribute keep MXNet's name.

    What the graph does not use and what has no value is not there.
    """
    used = set(symbol.list_inputs())
    found: dict[str, Any] = {
        name: one
        for name, one in params.parameters(net).items()
        if one.name in used or one._data is not None
    }
    others = used - {one.name for one in found.values()}
    return {**found, **{n: one for n, one in net.collect_params().items() if n in others}}


def _prefixes(block: Any, path: str) -> Iterator[tuple[str, str]]:
    for name, child in reversed(block._children.items()):
        yield from _prefixes(child, f"{path}.{name}" if path else name)
    yield block.prefix, path


def _joined(path: str, name: str) -> str:
    """The block's path, and the name within it unless that is MXNet's first automatic one."""
    own = name.strip("_").removesuffix("fwd").rstrip("_")
    if path and _AUTOMATIC.fullmatch(own):
        return path
    return ".".join(part for part in (path, own) if part)


def _value(parameter: Any) -> NDArray[Any]:
    value: NDArray[Any] = parameter.list_data()[0].asnumpy()
    return value


def _tensor(array: Any) -> Any:
    """On the CPU; itself where it is there already."""
    if isinstance(array, np.ndarray):
        return mx.nd.array(array, dtype=array.dtype)
    dense = array if array.stype == "default" else array.tostype("default")
    return dense.as_nd_ndarray().as_in_context(mx.cpu())


def _numpy(array: Any) -> NDArray[Any]:
    return array if isinstance(array, np.ndarray) else array.asnumpy()
