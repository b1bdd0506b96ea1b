"""GluonCV's networks under `gluoncv/`, built by GluonCV itself, which is an optional extra.

`gluoncv.csv` beside this file lists their names, families and inputs, so that listing needs no
GluonCV. Nothing is downloaded: weights come from a file of the user's.
"""

from __future__ import annotations

import csv
import importlib
import importlib.util
import inspect
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any

from zoo.errors import ConfigError, MissingDependencyError, UnknownModelError

PREFIX = "gluoncv/"
EXTRA = "pip install 'gluon-zoo[gluoncv]'"
INT8 = "int8"  # the family whose graphs GluonCV ships without any weights

_DEFAULTS = {  # what a builder takes without saying so
    "alpha_pose_resnet101_v1b_coco": {"pretrained_base": False},
    "monodepth2_resnet18_posenet_kitti_mono_640x192": {"pretrained_base": False},
    "monodepth2_resnet18_posenet_kitti_mono_stereo_640x192": {"pretrained_base": False},
    "resnext101e_64x4d": {"pretrained": False},
    "se_resnext101e_64x4d": {"pretrained": False},
}
_CLASSES = ("first", "second", "third")  # of networks that have none of their own
_SIZES = {"batch": (2, 1), "height": (64, 96), "width": (96, 64)}
_LARGER = (  # patterns of names that need more of a picture, or find too little in a small one
    ("ssd_300_resnet34*", {"height": (288, 320), "width": (320, 288)}),
    ("ssd_*", {"height": (96, 128), "width": (128, 96)}),
    ("yolo3_*", {"height": (96, 128), "width": (128, 96)}),
    ("doublehead_rcnn_*", {"height": (128, 160), "width": (160, 128)}),
    ("*_rcnn_resnet*_coco", {"height": (160, 192), "width": (192, 160)}),
    ("*_rcnn_resnet*", {"height": (128, 160), "width": (160, 128)}),
    ("center_net_*", {"height": (96, 128), "width": (128, 96)}),
)


@dataclass(frozen=True)
class GluonCVNetwork:
    """A name of GluonCV's; `shapes` are those of its inputs, with the names of free axes."""

    name: str
    family: str
    shapes: tuple[tuple[int | str, ...], ...]

    @property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """The two sizes of each free axis at which an export is checked unless others are told."""
        larger = next((sizes for form, sizes in _LARGER if fnmatchcase(self.name, form)), {})
        free = [axis for shape in self.shapes for axis in shape if isinstance(axis, str)]
        return {axis: pair for axis, pair in {**_SIZES, **larger}.items() if axis in free}


@cache
def networks() -> dict[str, GluonCVNetwork]:
    """All of GluonCV's names, without `gluoncv/`, in alphabetical order."""
    text = resources.files(__package__).joinpath("gluoncv.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {
        row["name"]: GluonCVNetwork(row["name"], row["family"], _shapes(row["input"]))
        for row in rows
    }


def is_gluoncv(name: str) -> bool:
    """Whether `name` is one under `gluoncv/`, known or not."""
    return name.startswith(PREFIX)


def matching(pattern: str) -> list[str]:
    """The names, with `gluoncv/`, that match a shell pattern."""
    names = [f"{PREFIX}{name}" for name in networks()]
    return [name for name in names if fnmatchcase(name, pattern)]


def known(name: str) -> GluonCVNetwork:
    """The entry of `gluoncv/NAME`. Raises UnknownModelError, which suggests near names."""
    own = name.removeprefix(PREFIX)
    if own not in networks():
        close = get_close_matches(own.lower(), networks(), cutoff=0.5)
        hint = f"Did you mean {' or '.join(repr(PREFIX + one) for one in close)}?"
        everything = "zoo list 'gluoncv/*' shows all."
        raise UnknownModelError(f"GluonCV has no {own!r}. {hint if close else everything}")
    return networks()[own]


def build(name: str, **config: Any) -> Any:
    """GluonCV's network of that name, `gluoncv/NAME`, its parameters not yet all initialised.

    `config` are the arguments of GluonCV's builder. A network whose classes are the user's own
    gets three unless `classes` names them. Its methods `input_specs()` and `input_sizes()` tell
    what goes in, so that `export_onnx` needs no `inputs` and no `sizes`. Raises
    UnknownModelError, ConfigError for an argument that the builder refuses and for int8 networks,
    MissingDependencyError without GluonCV or MXNet.
    """
    network = known(name)
    if network.family == INT8:
        raise ConfigError(
            f"{PREFIX}{network.name} is a graph of MXNet's int8 operators whose weights exist "
            f"only as a download: take {network.name.removesuffix('_int8')!r}."
        )
    for argument, value in config.items():
        if value and _asks_for_weights(argument):
            raise ConfigError(
                f"{PREFIX}{network.name}: {argument} would be a download, and zoo makes none of "
                "GluonCV's: pass pretrained='FILE.params' to zoo.get_model."
            )
    builder = _builder(network.name)
    from zoo.models.gluoncv_repairs import repaired

    told = {**_defaults(builder), **_DEFAULTS.get(network.name, {}), **config}
    with repaired():
        try:
            net = builder(**told)
        except (TypeError, ValueError, AssertionError, AttributeError, KeyError) as error:
            raise ConfigError(
                f"{PREFIX}{network.name}: GluonCV refuses {config}: {error}"
            ) from None
    net.input_specs, net.input_sizes = lambda: list(network.shapes), lambda: network.sizes
    return net


def load() -> None:
    """Import GluonCV. Raises MissingDependencyError without it."""
    _import_gluoncv()


def _shapes(text: str) -> tuple[tuple[int | str, ...], ...]:
    return tuple(
        tuple(int(size) if size.isdigit() else size for size in one.split(","))
        for one in text.split(";")
        if one
    )


def _builder(name: str) -> Any:
    table = _import_gluoncv()
    if name == "custom_faster_rcnn_fpn":
        # GluonCV's table has a function of the same name there, which fits no box head
        return importlib.import_module(
            "gluoncv.model_zoo.rcnn.faster_rcnn.faster_rcnn"
        ).custom_faster_rcnn_fpn
    return table._models[name]


def _import_gluoncv() -> Any:
    """GluonCV's table of models. It was made for older releases of NumPy."""
    if importlib.util.find_spec("gluoncv") is None:
        raise MissingDependencyError(f"GluonCV is not installed here: {EXTRA} installs it.")
    from zoo.models import gluoncv_repairs

    return gluoncv_repairs.import_module("gluoncv.model_zoo.model_zoo")


def _defaults(builder: Any) -> dict[str, Any]:
    """No weights of any kind, and classes where the builder has none."""
    arguments = inspect.signature(builder).parameters
    told: dict[str, Any] = {name: False for name in arguments if _asks_for_weights(name)}
    classes = arguments.get("classes")
    if classes is not None and classes.default is inspect.Parameter.empty:
        told["classes"] = _CLASSES
    return told


def _asks_for_weights(argument: str) -> bool:
    """Whether a builder's argument means a download; `pretrained_model` is a network."""
    return "pretrain" in argument and argument != "pretrained_model"
