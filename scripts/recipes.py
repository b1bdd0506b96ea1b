"""One frozen recipe for every published weight; what a recipe does not say, the script does not do.

Epochs and rates were chosen on the validation split; the test split is measured once, at the end.
With `final_fit` the chosen recipe then learns from train and validation together, and nothing is
validated.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

Examples = Literal["mnist", "fashion_mnist", "adult", "california_housing"]
Texts = Literal["wikitext2", "shakespeare"]

MNIST_LEVELS = {
    "kind": "image",
    "size": [28, 28],
    "channels": 1,
    "scale": 1 / 255,
    "mean": [0.1307],
    "std": [0.3081],
    "box": 20,
    "background": 0,
}
FASHION_LEVELS = MNIST_LEVELS | {"mean": [0.2860], "std": [0.3530], "box": 28}


@dataclass(frozen=True)
class Distortion:
    """Random affine and elastic distortion of images (Simard, Steinkraus and Platt, 2003).

    `rotation` and `shear` in degrees, `shift` in pixels, `scale` as a fraction: each is drawn
    evenly from minus to plus its value. `elastic` is the strength and `sigma` the smoothness, in
    pixels, of a random field of displacements. `flip` mirrors every other image. `whole_pixels`
    rounds the shift, so that a fine weave is moved and not blurred. `end` is the part of all these
    values that is left in the last epoch; they fall to it evenly, from epoch to epoch.
    """

    rotation: float = 0.0
    shear: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    elastic: float = 0.0
    sigma: float = 4.0
    flip: bool = False
    whole_pixels: bool = False
    end: float = 1.0


@dataclass(frozen=True)
class Teachers:
    """An ensemble whose knowledge the network gets (Hinton, Vinyals and Dean, 2015).

    Each of `count` networks learns from labels alone, for `epochs`, with a seed that no run of the
    recipe has: by the recipe itself, or by `recipe`, one for the same data and perhaps of another
    family; `config` changes the network. The part `weight` of the target is the mean of their
    probabilities for the very same distorted image.
    """

    count: int
    epochs: int
    weight: float
    config: dict[str, Any] = field(default_factory=dict)
    recipe: ClassifierRecipe | None = None


@dataclass(frozen=True)
class ClassifierRecipe:
    """Stochastic gradient descent with Nesterov's momentum, one cycle of the learning rate.

    `learning_rate` is the peak, reached after the fraction `warmup` of all steps; it then falls
    to zero along a cosine. `average` is the decay per step of the running mean of the weights
    that is published (0: the last weights). `input_dropout` is the part of the inputs that is left
    out anew in each step, set to their mean. With `batch_norm` hidden layers are normalised over
    the batch while they learn, which the published weights take in. `target` is the least test
    accuracy.
    """

    name: str
    dataset: Examples
    epochs: int
    batch_size: int
    learning_rate: float
    target: float
    preprocessing: dict[str, Any]
    config: dict[str, Any] = field(default_factory=dict)
    momentum: float = 0.9
    weight_decay: float = 0.0
    warmup: float = 0.2
    label_smoothing: float = 0.0
    average: float = 0.0
    input_dropout: float = 0.0
    batch_norm: bool = False
    final_fit: bool = False
    distortion: Distortion | None = None
    teachers: Teachers | None = None
    task: str = "image-classification"


@dataclass(frozen=True)
class RegressionRecipe:
    """Full-batch gradient descent with Nesterov's momentum on the squared loss.

    `target` is the least R2 on the test split; `agreement` the largest difference allowed between
    a trained weight and the closed-form solution on the same standardised split.
    """

    name: str
    dataset: Examples
    epochs: int
    steps_per_epoch: int
    learning_rate: float
    momentum: float
    target: float
    agreement: float
    warmup: float = 0.0
    config: dict[str, Any] = field(default_factory=dict)
    task: str = "tabular-regression"


@dataclass(frozen=True)
class LanguageModelRecipe:
    """Truncated back-propagation through time with Adam, one cycle of the learning rate.

    `samples` tokens are drawn for each step's softmax (0: the full softmax). `input_dropout` and
    `output_dropout` act on the embedding and on the last layer, `config`'s between the layers;
    `word_dropout` leaves out whole words of the input's vocabulary for a window. `activation` and
    `slowness` weigh the mean squares of the last layer's output and of its change from one step to
    the next (Merity, McCann and Socher, 2017: alpha and beta).
    `target` is the largest test perplexity, or nats a token where `metric` says so.
    `stored_dtype` is the type of the published bytes. `start` names the published weights that the
    training goes on from, such as `lstm_lm.wikitext2@2`; without it they are random. After
    `checkpoint_every` steps within an epoch the dropout's generator is seeded anew, and the run can
    go on from there.
    """

    name: str
    dataset: Texts
    epochs: int
    batch_size: int
    window: int
    learning_rate: float
    target: float
    metric: str
    samples: int = 0
    config: dict[str, Any] = field(default_factory=dict)
    input_dropout: float = 0.2
    output_dropout: float = 0.2
    locked_dropout: bool = False
    weight_drop: float = 0.0
    word_dropout: float = 0.0
    activation: float = 0.0
    slowness: float = 0.0
    init: float = 0.07
    clip: float = 0.5
    warmup: float = 0.1
    validate_every: int = 1
    final_fit: bool = False
    checkpoint_every: int = 250
    start: str = ""
    stored_dtype: str = "float16"
    task: str = "language-modeling"


Recipe = ClassifierRecipe | RegressionRecipe | LanguageModelRecipe

_HANDWRITING = Distortion(rotation=10, shear=10, scale=0.12, shift=1.5, elastic=24, sigma=4)
_STRONGER = Distortion(rotation=14, shear=14, scale=0.17, shift=2.1, elastic=34, sigma=4, end=0.2)
_MIRRORED_AND_MOVED = Distortion(flip=True, shift=1.0, whole_pixels=True)
_SOFTMAX = {"classes": 10, "features": 784}

_GARMENTS_PERCEPTRON = ClassifierRecipe(
    name="mlp.fashion_mnist",
    dataset="fashion_mnist",
    epochs=30,
    batch_size=128,
    learning_rate=0.05,
    weight_decay=3e-4,
    average=0.999,
    final_fit=True,
    target=0.9,
    preprocessing=FASHION_LEVELS,
    distortion=_MIRRORED_AND_MOVED,
)

CLASSIFIERS = {
    one.name: one
    for one in (
        ClassifierRecipe(
            name="logistic_regression.mnist",
            dataset="mnist",
            epochs=20,
            batch_size=100,
            learning_rate=0.05,
            weight_decay=1e-4,
            average=0.999,
            input_dropout=0.1,
            final_fit=True,
            target=0.927,
            preprocessing=MNIST_LEVELS,
            config=_SOFTMAX,
        ),
        ClassifierRecipe(
            name="logistic_regression.fashion_mnist",
            dataset="fashion_mnist",
            epochs=20,
            batch_size=100,
            learning_rate=0.02,
            weight_decay=1e-4,
            average=0.999,
            final_fit=True,
            target=0.846,
            preprocessing=FASHION_LEVELS,
            config=_SOFTMAX,
            teachers=Teachers(
                count=1,
                epochs=30,
                weight=0.5,
                config={"hidden": (512, 256)},
                recipe=_GARMENTS_PERCEPTRON,
            ),
        ),
        ClassifierRecipe(
            name="logistic_regression.adult",
            dataset="adult",
            epochs=20,
            batch_size=100,
            learning_rate=0.05,
            average=0.999,
            final_fit=True,
            target=0.85,
            preprocessing={"kind": "features", "count": 123},
            config={"classes": 1, "features": 123},
            task="tabular-classification",
        ),
        ClassifierRecipe(
            name="mlp.mnist",
            dataset="mnist",
            epochs=40,
            batch_size=128,
            learning_rate=0.05,
            weight_decay=1e-4,
            average=0.999,
            final_fit=True,
            target=0.991,
            preprocessing=MNIST_LEVELS,
            distortion=_HANDWRITING,
        ),
        replace(
            _GARMENTS_PERCEPTRON,
            epochs=80,
            teachers=Teachers(count=3, epochs=50, weight=0.9, config={"hidden": (512, 256)}),
        ),
        ClassifierRecipe(
            name="lenet.mnist",
            dataset="mnist",
            epochs=40,
            batch_size=128,
            learning_rate=0.1,
            weight_decay=1e-4,
            average=0.999,
            final_fit=True,
            target=0.996,
            preprocessing=MNIST_LEVELS,
            distortion=_STRONGER,
        ),
        ClassifierRecipe(
            name="lenet.fashion_mnist",
            dataset="fashion_mnist",
            epochs=30,
            batch_size=100,  # not 128: see batch_norm.py
            learning_rate=0.1,
            weight_decay=5e-4,
            label_smoothing=0.1,
            average=0.999,
            batch_norm=True,
            final_fit=True,
            target=0.92,
            preprocessing=FASHION_LEVELS,
            distortion=_MIRRORED_AND_MOVED,
        ),
    )
}

REGRESSIONS = {
    one.name: one
    for one in (
        RegressionRecipe(
            name="linear_regression.california_housing",
            dataset="california_housing",
            epochs=10,
            steps_per_epoch=200,
            learning_rate=0.05,
            momentum=0.99,
            target=0.6,
            agreement=1e-3,
            config={"features": 8},
        ),
    )
}

LANGUAGE_MODELS = {
    one.name: one
    for one in (
        LanguageModelRecipe(
            name="lstm_lm.wikitext2",
            dataset="wikitext2",
            epochs=10,
            batch_size=32,
            window=35,
            learning_rate=1e-3,
            target=95.0,
            metric="perplexity",
            samples=1024,
            input_dropout=0.25,
            output_dropout=0.35,
            locked_dropout=True,
            weight_drop=0.25,
            word_dropout=0.07,
            activation=1.0,
            slowness=0.5,
            config={"embed_size": 200, "hidden_size": 200, "layers": 2, "dropout": 0.25},
            final_fit=True,
            start="lstm_lm.wikitext2@2",
        ),
        LanguageModelRecipe(
            name="lstm_lm.shakespeare",
            dataset="shakespeare",
            epochs=20,
            batch_size=64,
            window=80,
            learning_rate=5e-3,
            target=1.55,
            metric="nats_per_character",
            input_dropout=0.1,
            output_dropout=0.3,
            locked_dropout=True,
            weight_drop=0.3,
            final_fit=True,
            config={"embed_size": 384, "hidden_size": 384, "layers": 2, "dropout": 0.3},
        ),
    )
}
