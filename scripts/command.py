"""The command line that the training scripts share."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import environment
import events
import recorded
from recipes import ClassifierRecipe, Recipe

from zoo import get_weights
from zoo.errors import ZooError, near

SomeRecipe = TypeVar("SomeRecipe", bound=Recipe)


class Options(NamedTuple):
    """What the command line says: recipe name, seed, device, smoke test or not, folder.

    `recorded` asks for the recipe of the published record; `stop` is after how many epochs, and
    after how many steps, to stop at a checkpoint; `tensorboard` asks for event files. `distributed`
    says that this process is one of several, and `scale` how many times the recipe's batch and
    learning rate they take together. `teachers` is the folder of the networks that teach this one.
    """

    name: str
    seed: int
    device: str
    smoke: bool
    out: Path
    recorded: bool
    stop: tuple[int | None, int | None]
    tensorboard: bool
    distributed: bool
    scale: int
    teachers: Path


def _in_one_line(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    if issubclass(kind, ZooError):
        sys.stderr.write(f"{error}\n")
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _in_one_line  # the scripts import MXNet, which may be missing, at their top


def run(main: Callable[[], None]) -> None:
    """Run a script's `main` under the pinned settings; whatever is refused is one line."""
    environment.pin()
    if "mxnet" in sys.modules and "DMLC_ROLE" not in os.environ:
        _start_engine()
    if importlib.util.find_spec("matplotlib") is None:
        sys.exit("Training draws its curve with matplotlib: pip install 'gluon-zoo[train]'.")
    try:
        main()
    except (ZooError, OSError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def _start_engine() -> None:
    """MXNet's engine, without the line on stderr that it writes for any but its usual one."""
    from zoo._mxnet import mx

    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        mx.nd.waitall()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def read(description: str | None) -> Options:
    parser = argparse.ArgumentParser(description=(description or "").split("\n")[0])
    parser.add_argument("name", help="the recipe, such as lenet.mnist")
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and noise")
    parser.add_argument("--device", default="cpu", help="cpu, gpu or gpu:1")
    parser.add_argument("--smoke", action="store_true", help="a minute's run on little data")
    parser.add_argument("--out", type=Path, help="the run's folder (default: runs/NAME)")
    parser.add_argument("--recorded", action="store_true", help="the published record's recipe")
    parser.add_argument("--stop-epoch", type=positive, metavar="N", help="stop after N epochs")
    parser.add_argument(
        "--stop-step", type=positive, metavar="N", help="or at a checkpoint from step N"
    )
    parser.add_argument("--tensorboard", action="store_true", help="write event files too")
    parser.add_argument("--distributed", action="store_true", help="one of several workers")
    parser.add_argument(
        "--scale", type=positive, default=1, help="batch and rate, times the recipe's"
    )
    parser.add_argument("--teachers", type=Path, help="their folder (default: OUT/teachers)")
    given = parser.parse_args()
    if given.tensorboard:
        events.check()
    folder = given.out or Path("runs", given.name + ("-smoke" if given.smoke else ""))
    stop = (given.stop_epoch, given.stop_step)
    return Options(
        name=given.name,
        seed=given.seed,
        device=given.device,
        smoke=given.smoke,
        out=folder,
        recorded=given.recorded,
        stop=stop,
        tensorboard=given.tensorboard,
        distributed=given.distributed,
        scale=given.scale,
        teachers=given.teachers or folder / "teachers",
    )


def positive(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def find(recipes: Mapping[str, SomeRecipe], options: Options) -> SomeRecipe:
    """The recipe that the options name, or the end with a line that names near ones.

    Raises ZooError for a recorded one that is not published or that this version cannot read.
    """
    name = options.name
    if options.recorded:
        own = recorded.recipe(get_weights(name), type(next(iter(recipes.values()))))
        return scaled(own, options.scale)
    if name not in recipes:
        sys.exit(f"There is no recipe {name!r} for this script. {near(name, recipes)}")
    return scaled(recipes[name], options.scale)


def scaled(recipe: SomeRecipe, scale: int) -> SomeRecipe:
    """The recipe with larger batches, and the rate with them (Goyal et al., 2017, section 2.1)."""
    if scale == 1:
        return recipe
    if not isinstance(recipe, ClassifierRecipe):
        sys.exit("--scale is for classifiers: only their rate follows it.")
    rate = scale * recipe.learning_rate
    return replace(recipe, batch_size=scale * recipe.batch_size, learning_rate=rate)


def context(device: str) -> Any:
    """MXNet's context for `cpu`, `gpu` or `gpu:1`; the end with a line where it is not there."""
    from zoo._mxnet import mx

    kind, _, number = device.partition(":")
    if kind not in ("cpu", "gpu") or not (number or "0").isdigit():
        sys.exit(f"--device is cpu, gpu or gpu:NUMBER, not {device!r}.")
    ctx = mx.Context(kind, int(number or 0))
    if kind == "gpu" and ctx.device_id >= mx.context.num_gpus():
        sys.exit(f"There is no {device} here; MXNet sees {mx.context.num_gpus()} GPUs. Use cpu.")
    return ctx


def conclude(recipe: Recipe, metric: str, found: float, *, met: bool, smoke: bool) -> None:
    """Say what came out; the exit code is 1 where the recipe's target is missed."""
    print(f"{recipe.name}: test {metric} {found:.5g}, target {recipe.target:.5g}")
    if smoke:
        print("A smoke run is too short to judge.")
    elif not met:
        sys.exit(f"{recipe.name} missed its target.")
