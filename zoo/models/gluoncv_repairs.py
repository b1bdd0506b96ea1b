"""What GluonCV 0.10.5 needs to be imported today, and to build its networks without a download."""

from __future__ import annotations

import importlib
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from PIL import ImageFile

from zoo._mxnet import gluon, mx
from zoo.errors import MissingDependencyError

_REMOVED_FROM_NUMPY = {"float": float, "int": int, "object": object}
_building = threading.Lock()


def import_module(name: str) -> Any:
    """A module of GluonCV, beside NumPy 1.26. Raises MissingDependencyError."""
    for alias, kind in _REMOVED_FROM_NUMPY.items():
        if alias not in vars(np):
            setattr(np, alias, kind)
    truncated = ImageFile.LOAD_TRUNCATED_IMAGES  # GluonCV lets the whole process read cut pictures
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except ImportError as error:
            raise MissingDependencyError(
                f"GluonCV is installed but does not load ({error}): "
                "pip install 'gluon-zoo[gluoncv]' installs what it needs."
            ) from error
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = truncated


def initialize(net: Any, specs: Any = None, sizes: Any = None) -> None:
    """Random weights, and one run, which settles their shapes.

    `specs` are TensorSpecs instead of the network's own inputs, and `sizes` are as for an export.
    """
    shapes = [one.shape for one in specs] if specs else net.input_specs()
    at = {axis: pair[0] for axis, pair in {**net.input_sizes(), **(sizes or {})}.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of parameters that GluonCV has initialised
        net.initialize(_Xavier(), ctx=mx.cpu())
    net(*(mx.nd.zeros([at.get(size, size) for size in shape]) for shape in shapes))


class _Xavier(mx.init.Xavier):  # type: ignore[misc]
    """Also for the vectors of networks made of symbols, which do not say what they are."""

    def _init_weight(self, name: Any, array: Any) -> None:
        if array.ndim > 1:
            super()._init_weight(name, array)
        else:
            array[:] = float(name.endswith(("gamma", "var")))


@contextmanager
def repaired() -> Iterator[None]:
    """GluonCV's builders without downloads, and with a group normalization that can be traced.

    Some builders fetch the weights of a base network unasked; its parameters are left without
    values instead. One thread builds at a time.
    """
    layers = import_module("gluoncv.nn")
    with _building, ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, module in list(sys.modules.items()):
            if name.startswith("gluoncv.") and hasattr(module, "get_model_file"):
                stack.enter_context(_replaced(module, "get_model_file", _nothing))
        for owner in (gluon.Block, gluon.SymbolBlock):
            stack.enter_context(_replaced(owner, "load_parameters", _nothing))
        stack.enter_context(_replaced(gluon.Parameter, "reset_ctx", _nothing))
        stack.enter_context(_replaced(layers, "GroupNorm", _traceable(layers.GroupNorm)))
        yield


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    inherited, before = name not in vars(owner), getattr(owner, name)
    setattr(owner, name, value if isinstance(value, type) else _here_only(value, before))
    try:
        yield
    finally:
        if inherited:
            delattr(owner, name)
        else:
            setattr(owner, name, before)


def _here_only(value: Callable[..., Any], before: Callable[..., Any]) -> Callable[..., Any]:
    """`value` in this thread; other threads, which load weights meanwhile, get what was there."""
    here = threading.get_ident()

    def chosen(*arguments: Any, **options: Any) -> Any:
        return (value if threading.get_ident() == here else before)(*arguments, **options)

    return chosen


def _nothing(*arguments: Any, **options: Any) -> None:
    pass


def _traceable(norm: Any) -> Any:
    """GluonCV's GroupNorm, which asks a symbol for its shape, by MXNet's operator instead."""

    class GroupNorm(norm):  # type: ignore[misc]
        def hybrid_forward(self, F: Any, x: Any, gamma: Any, beta: Any) -> Any:
            ones, zeros = F.ones((self.ngroups,)), F.zeros((self.ngroups,))
            normal = F.GroupNorm(x, ones, zeros, num_groups=self.ngroups, eps=self._kwargs["eps"])
            gamma, beta = (one.reshape((1, -1, 1, 1)) for one in (gamma, beta))
            return F.broadcast_add(F.broadcast_mul(normal, gamma), beta)

    return GroupNorm
