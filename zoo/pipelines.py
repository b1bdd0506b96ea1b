"""From a raw input to an answer: a picture's label, a house's price, the text that follows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo import cards, generation, transforms
from zoo.errors import ConfigError, DataError, InputError
from zoo.fetching import read_artifact
from zoo.lookup import get_weights
from zoo.manifest import Weights
from zoo.runtimes import Runner, open_runner
from zoo.text import Vocabulary, continuation, tokenize

DIGITS = 3  # of an estimate, behind the point


@dataclass(frozen=True)
class Prediction:
    """The likeliest label, its probability, and every label's probability in the model's order.

    Of classes with the same label the likeliest counts.
    """

    label: str
    probability: float
    probabilities: Mapping[str, float]

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """The `count` likeliest labels with their probabilities, the likeliest first."""
        return sorted(self.probabilities.items(), key=lambda pair: -pair[1])[:count]

    def __str__(self) -> str:
        return f"{self.label} ({self.probability:.1%})"

    def _repr_html_(self) -> str:
        shares = self.top()
        return cards.bars(str(self), shares, len(self.probabilities) - len(shares))


@dataclass(frozen=True)
class Estimate:
    """A number, and the unit that it counts."""

    value: float
    unit: str

    def __str__(self) -> str:
        return f"{self._number} x {self.unit}" if self.unit else self._number

    def _repr_html_(self) -> str:
        return cards.text(self._number, f" x {self.unit}" if self.unit else "")

    @property
    def _number(self) -> str:
        return f"{self.value:.{DIGITS}f}"


@dataclass(frozen=True)
class Generation:
    """A prompt, the whole text that begins with it, and the tokens that were added."""

    prompt: str
    text: str
    tokens: tuple[str, ...]

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return cards.text(self.prompt, self.text.removeprefix(self.prompt))


class Pipeline(ABC):
    """Call it with a raw input, or with several for a list of answers."""

    def __init__(self, weights: Weights, runner: Runner) -> None:
        self.weights = weights
        self.runner = runner

    @abstractmethod
    def __call__(self, raw: Any, /, *args: Any, **options: Any) -> Any: ...

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.weights.name} on {self.runner.name}>"


class Predictor(Pipeline):
    """Pictures or feature rows -> Prediction, or Estimate for a regression.

    Takes what `zoo.transforms.image` or `zoo.transforms.features` take. Raises InputError.
    """

    def __call__(self, raw: Any, /) -> Any:
        outputs = self.runner.run_rows(prepare(raw, self.weights))
        _refuse_infinite(outputs, self.weights.preprocessing["kind"])
        answers = [_answer(self.weights, row.astype(np.float64)) for row in outputs]
        return answers if transforms.is_batch(raw, self.weights.preprocessing) else answers[0]


class TextGenerator(Pipeline):
    """A prompt, or a list of them -> Generation."""

    def __init__(self, weights: Weights, runner: Runner, vocabulary: Vocabulary) -> None:
        super().__init__(weights, runner)
        self.vocabulary = vocabulary
        self._level = str(weights.preprocessing["level"])
        self._end: str | None = weights.preprocessing["end"]

    def __call__(self, prompt: str | Sequence[str], /, **options: Any) -> Any:
        """The prompt continued. Options, all by keyword, are the fields of
        `zoo.generation.Decoding`: length=100 tokens, temperature=0.0 (greedy), top_k, top_p,
        beam, length_penalty, seed, and `stop` and `forbidden`, which here are tokens: a text or a
        list of texts. The token for unknown words is forbidden unless `forbidden` is given.

        Raises InputError for a prompt that has no tokens here, ConfigError for an option.
        """
        if isinstance(prompt, str) or not isinstance(prompt, Iterable):
            return self._continued(prompt, options)
        return [self._continued(one, options) for one in prompt]

    def stream(self, prompt: str, /, **options: Any) -> Iterator[str]:
        """The added text in pieces, each as soon as no later token can change it."""
        return continuation(prompt, self._tokens(prompt, options), self._level)

    def _tokens(self, prompt: str, options: Mapping[str, Any]) -> Iterator[str]:
        chosen = {
            **options,
            "stop": self._ids(options.get("stop")),
            "forbidden": self._ids(options.get("forbidden", self.vocabulary.unknown)),
        }
        state = self.runner.begin_state()
        ids = generation.stream(self.runner.step, state, self._prompt_ids(prompt), **chosen)
        return (self.vocabulary.tokens[one] for one in ids)

    def _prompt_ids(self, prompt: str) -> list[int]:
        """A line's beginning, where the model knows one, and the prompt's tokens."""
        if not isinstance(prompt, str):
            raise InputError(f"A prompt is a text, not {type(prompt).__name__}.")
        tokens = tokenize(prompt, self._level)
        if self._end is not None:
            tokens = [self._end, *tokens]
        elif not tokens:
            tokens = ["\n"]
        return [int(one) for one in self.vocabulary.encode(tokens)]

    def _ids(self, tokens: str | Sequence[str] | None) -> tuple[int, ...]:
        listed = [tokens] if isinstance(tokens, str) else tokens or []
        named = [self._end if one == "\n" and self._end is not None else one for one in listed]
        for one in named:
            if one not in self.vocabulary:
                raise ConfigError(f"{one!r} is not one of the tokens of {self.weights.name}.")
        return tuple(self.vocabulary.index[one] for one in named)

    def _continued(self, prompt: str, options: Mapping[str, Any]) -> Generation:
        tokens = tuple(self._tokens(prompt, options))
        added = "".join(continuation(prompt, tokens, self._level))
        return Generation(prompt, prompt + added, tokens)


def pipeline(name: str | Weights, runtime: str | None = None) -> Pipeline:
    """The published weights `name`, ready for raw inputs, on 'onnx' (also for None) or 'mxnet'.

    Raises UnknownModelError, ConfigError for an unknown runtime, and what fetching raises.
    """
    weights = get_weights(name) if isinstance(name, str) else name
    runner = open_runner(weights, runtime)
    if weights.task == "language-modeling":
        return TextGenerator(weights, runner, read_vocabulary(weights))
    return Predictor(weights, runner)


def read_vocabulary(weights: Weights) -> Vocabulary:
    """The vocabulary of a language model's record. Raises DataError, and what fetching raises."""
    content = read_artifact(weights.artifact("vocabulary"))
    found = Vocabulary.read(content, weights.preprocessing["unknown"])
    count = weights.outputs[0].shape[-1]
    if len(found) != count:
        raise DataError(
            f"{weights.name}: the vocabulary has {len(found)} tokens, the network {count}."
        )
    return found


def prepare(raw: Any, weights: Weights) -> NDArray[np.float32]:
    """Raw pictures or feature rows as the network's input. Raises InputError."""
    if weights.preprocessing["kind"] == "image":
        return transforms.image(raw, weights.preprocessing)
    return transforms.features(raw, weights.preprocessing)


def _refuse_infinite(outputs: NDArray[Any], kind: str) -> None:
    """Raises InputError, with the place of the row, for an output that is not finite."""
    finite = np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1)
    if finite.all():
        return
    row, other = ("Picture", "another") if kind == "image" else ("Row", "numbers nearer to 0")
    place = f"{row} {int(np.argmin(finite)) + 1} of {len(finite)}: " if len(finite) > 1 else ""
    raise InputError(f"{place}The network's answer is not a finite number: give {other}.")


def _answer(weights: Weights, output: NDArray[np.float64]) -> Prediction | Estimate:
    if weights.task == "tabular-regression":
        return Estimate(float(output[0]), weights.labels[0] if weights.labels else "")
    probabilities = _probabilities(output)
    labels = weights.labels or tuple(str(one) for one in range(probabilities.size))
    best = int(np.argmax(probabilities))
    named: dict[str, float] = {}
    for label, probability in zip(labels, probabilities.tolist(), strict=True):
        named[label] = max(probability, named.get(label, 0.0))
    return Prediction(labels[best], float(probabilities[best]), named)


def _probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Softmax; a single logit is that of the second of two classes against the first."""
    if logits.size == 1:
        logits = np.array([0.0, logits[0]])
    powers = np.exp(logits - logits.max())
    return np.asarray(powers / powers.sum(), np.float64)
