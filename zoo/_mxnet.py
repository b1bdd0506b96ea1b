"""The one door to MXNet 1.9.1, which needs a hand to import beside NumPy 1.24 to 1.26."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from zoo.errors import MissingDependencyError


def _import_mxnet() -> Any:
    if importlib.util.find_spec("mxnet") is None:
        raise MissingDependencyError(
            "MXNet is not installed here: Gluon networks and training need 'mxnet==1.9.1' "
            "(Linux x86-64, Python 3.10 to 3.12); runtime='onnx' needs no MXNet."
        )
    if int(np.__version__.split(".")[0]) >= 2:
        raise MissingDependencyError(
            f"MXNet 1.9.1 cannot run beside NumPy {np.__version__}: "
            "install 'numpy<2', or use runtime='onnx', which needs no MXNet."
        )
    os.environ.setdefault("MXNET_SUBGRAPH_VERBOSE", "0")  # a line on stderr for every executor
    if "bool" not in vars(np):
        np.bool = bool  # type: ignore[attr-defined]  # removed in NumPy 1.24
    with warnings.catch_warnings(), _absent("sklearn"):
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module("mxnet")
        except (ImportError, OSError) as error:
            raise MissingDependencyError(
                f"MXNet is installed but does not load ({error}). It needs the system's "
                "libgomp and libquadmath: apt-get install libgomp1 libquadmath0."
            ) from error


@contextmanager
def _absent(name: str) -> Iterator[None]:
    """MXNet loads scikit-learn where it is there, for a second, to lend its FeedForward a base."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # what makes an import of it fail
    try:
        yield
    finally:
        del sys.modules[name]


mx: Any = _import_mxnet()
gluon: Any = mx.gluon
nn: Any = mx.gluon.nn
