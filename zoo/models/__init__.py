"""The table of architectures, and the one function that builds them.

Importing this needs no MXNet; building a network does.
"""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from typing import Any

from zoo.errors import ConfigError, UnknownModelError, near


@dataclass(frozen=True)
class Architecture:
    """One family of networks: where it is defined, and what it is for."""

    name: str
    module: str
    builder: str
    task: str
    paper: str


_REGRESSION = "tabular-regression"
_CLASSIFICATION = "image-classification"

ARCHITECTURES: dict[str, Architecture] = {
    one.name: one
    for one in (
        Architecture(
            "linear_regression",
            "zoo.models.linear_regression",
            "LinearRegression",
            _REGRESSION,
            "https://en.wikipedia.org/wiki/Linear_regression",
        ),
        Architecture(
            "logistic_regression",
            "zoo.models.logistic_regression",
            "LogisticRegression",
            _CLASSIFICATION,
            "https://doi.org/10.1111/j.2517-6161.1958.tb00292.x",
        ),
        Architecture(
            "mlp",
            "zoo.models.mlp",
            "MLP",
            _CLASSIFICATION,
            "https://doi.org/10.1038/323533a0",
        ),
        Architecture(
            "lenet",
            "zoo.models.lenet",
            "LeNet",
            _CLASSIFICATION,
            "https://doi.org/10.1109/5.726791",
        ),
        Architecture(
            "lstm_lm",
            "zoo.models.lstm_lm",
            "LSTMLM",
            "language-modeling",
            "https://arxiv.org/abs/1409.2329",
        ),
    )
}


def build(name: str, /, **config: Any) -> Any:
    """The architecture's Gluon network, its parameters not yet initialised.

    Raises UnknownModelError for an unknown name, ConfigError for an argument that the
    architecture does not have or that is out of range, MissingDependencyError without MXNet.
    """
    return _builder(name)(**complete(name, **config))


def complete(name: str, /, **config: Any) -> dict[str, Any]:
    """All arguments of the architecture: `config`, and the defaults of those not in it.

    Raises UnknownModelError, ConfigError and MissingDependencyError as `build` does.
    """
    arguments = {
        key: one.default
        for key, one in inspect.signature(_builder(name)).parameters.items()
        if one.kind is not inspect.Parameter.VAR_KEYWORD
    }
    for argument in config:
        if argument not in arguments:
            raise ConfigError(f"{name} has no argument {argument!r}. {near(argument, arguments)}")
    return arguments | config


def check_known(architecture: str, record: str) -> None:
    """Raises UnknownModelError where `record` is of an architecture that is not in the table."""
    if architecture not in ARCHITECTURES:
        raise UnknownModelError(
            f"{record} is of architecture {architecture!r}, which this version does not know: "
            "upgrade gluon-zoo if it should."
        )


def build_published(record: str, architecture: str, /, **config: Any) -> Any:
    """As `build`, from the configuration in a record, which may be a stranger's."""
    check_known(architecture, record)
    try:
        return build(architecture, **config)
    except (TypeError, AttributeError, OverflowError) as error:
        raise ConfigError(f"{record}: its config is none of {architecture}: {error}.") from None


def _builder(name: str) -> Any:
    if name not in ARCHITECTURES:
        raise UnknownModelError(f"No architecture {name!r}. {near(name, ARCHITECTURES)}")
    architecture = ARCHITECTURES[name]
    return getattr(importlib.import_module(architecture.module), architecture.builder)
