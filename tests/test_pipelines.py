"""From raw inputs to answers, the same ones on both runtimes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from zoo import samples
from zoo.data import load_dataset
from zoo.errors import ConfigError, DataError, InputError, UnknownModelError
from zoo.manifest import Weights
from zoo.pipelines import Estimate, Generation, Prediction, Predictor, TextGenerator, pipeline
from zoo.runtimes import RUNTIMES, open_runner
from zoo.text import Vocabulary

pytest_plugins = ["hubs"]

Hub = Mapping[str, Weights]
WORDS, CHARACTERS = "lstm_lm.tiny-words", "lstm_lm.tiny-characters"
YEARS = Vocabulary(  # of as many words as the hub's own
    ("<eos>", "<unk>", "the", "cat", "2010", "on", "11", "a", ",", ".", "@-@", "\u2013", '"', "'s"),
    unknown="<unk>",
)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", ["lenet.tiny", "mlp.tiny"])
def test_pictures(name: str, runtime: str, hub: Hub) -> None:
    classify = pipeline(hub[name], runtime)
    prediction = classify(samples.digits()[7])
    assert isinstance(prediction, Prediction)
    assert list(prediction.probabilities) == list("0123456789")
    assert sum(prediction.probabilities.values()) == pytest.approx(1)
    assert prediction.probability == max(prediction.probabilities.values())
    assert prediction.probabilities[prediction.label] == prediction.probability
    assert prediction.top(3)[0] == (prediction.label, prediction.probability)
    values = [value for _, value in prediction.top(3)]
    assert values == sorted(values, reverse=True)
    assert str(prediction) == f"{prediction.label} ({prediction.probability:.1%})"


def test_a_batch_gives_a_list_and_a_picture_one_answer(hub: Hub) -> None:
    classify = pipeline(hub["mlp.tiny"])
    answers = classify(samples.digits() * 30)
    assert len(answers) == 300
    assert answers[17].label == classify(samples.digits()[7]).label
    assert isinstance(classify([samples.digits()[0]]), list)
    assert len(classify(np.zeros((3, 28, 28), np.uint8))) == 3


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_single_logit_is_that_of_the_second_label(runtime: str, hub: Hub) -> None:
    predict = pipeline(hub["logistic_regression.tiny"], runtime)
    prediction = predict("3:1 11:1 20:1")
    logit = predict.runner.run(_active(3, 11, 20))[0][0, 0]
    assert list(prediction.probabilities) == ["<=50K", ">50K"]
    assert prediction.probabilities[">50K"] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-6)
    assert prediction.label == (">50K" if logit > 0 else "<=50K")
    assert predict([[3, 11, 20], "3:1"])[0].label == prediction.label


class _Sure:
    """A runner whose network gives every row the same probabilities."""

    name = "sure"

    def __init__(self, *probabilities: float) -> None:
        self.logits = np.log(np.array([probabilities], np.float32))

    def run_rows(self, data: Any) -> np.ndarray[Any, Any]:
        return self.logits


@pytest.mark.parametrize(
    ("probabilities", "label", "probability"),
    [
        ((0.6, 0.3, 0.1), "crane", 0.6),
        ((0.1, 0.3, 0.6), "crane", 0.6),
        ((0.3, 0.4, 0.3), "heron", 0.4),
    ],
)
def test_of_two_labels_of_one_name_the_likelier_counts(
    probabilities: tuple[float, ...], label: str, probability: float, hub: Hub
) -> None:
    runner: Any = _Sure(*probabilities)
    weights = dataclasses.replace(hub["mlp.tiny"], labels=("crane", "heron", "crane"))
    prediction = Predictor(weights, runner)(samples.digits()[7])
    assert (prediction.label, prediction.probability) == (label, pytest.approx(probability))
    assert prediction.probabilities[label] == prediction.probability
    assert prediction.top()[0] == (label, prediction.probability)
    assert list(prediction.probabilities) == ["crane", "heron"]


def _active(*indices: int) -> np.ndarray[Any, Any]:
    row = np.zeros((1, 123), np.float32)
    row[0, np.array(indices) - 1] = 1
    return row


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_regression_gives_a_value_with_its_unit(runtime: str, hub: Hub) -> None:
    predict = pipeline(hub["linear_regression.tiny"], runtime)
    estimate = predict({"rooms": 7, "age": 20, "income": 5})
    (expected,) = predict.runner.run(np.array([[1, -1, 1]], np.float32))
    assert estimate == Estimate(pytest.approx(float(expected[0, 0]), abs=1e-6), "100,000 dollars")
    assert str(estimate) == f"{estimate.value:.3f} x 100,000 dollars"
    assert predict([[7, 20, 5], [7, 20, 5]])[1] == estimate


class _Unsure(_Sure):
    """A runner whose network has no number for its second row."""

    def __init__(self, value: float) -> None:
        self.logits = np.array([[1.0], [value], [0.0]], np.float32)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["logistic_regression.tiny", "linear_regression.tiny"])
def test_an_answer_that_is_not_finite_is_refused(name: str, value: float, hub: Hub) -> None:
    runner: Any = _Unsure(value)
    row = np.zeros((3, 123 if name.startswith("logistic") else 3))
    with pytest.raises(InputError, match=r"^Row 2 of 3: The network's answer is not a finite"):
        Predictor(hub[name], runner)(row)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_numbers_too_large_for_the_network_are_refused(runtime: str, hub: Hub) -> None:
    predict = pipeline(hub["linear_regression.tiny"], runtime)
    small = dict(hub["linear_regression.tiny"].preprocessing, std=[1e-3, 1e-3, 1e-3])
    predict.weights = dataclasses.replace(predict.weights, preprocessing=small)
    with pytest.raises(InputError, match=r"^The network's answer is not a finite number"):
        predict([3e38, 3e38, 3e38])


def test_raw_inputs_that_do_not_fit_are_refused(hub: Hub) -> None:
    with pytest.raises(InputError, match="no file"):
        pipeline(hub["lenet.tiny"])("no-such-file.png")
    with pytest.raises(InputError, match="Missing feature 'income'"):
        pipeline(hub["linear_regression.tiny"])({"rooms": 7, "age": 20})


@pytest.mark.parametrize("options", [{}, {"beam": 3}, {"temperature": 0.8, "seed": 5}])
@pytest.mark.parametrize(("name", "prompt"), [(WORDS, "the cat"), (CHARACTERS, "ROME")])
def test_both_runtimes_write_the_same_text(name: str, prompt: str, options: Any, hub: Hub) -> None:
    one, other = (
        pipeline(hub[name], runtime)(prompt, length=25, **options) for runtime in RUNTIMES
    )
    assert isinstance(one, Generation)
    assert one == other
    assert one.text.startswith(prompt)
    assert str(one) == one.text
    assert len(one.tokens) == 25


def test_a_list_of_prompts_gives_a_list(hub: Hub) -> None:
    write = pipeline(hub[WORDS])
    assert write(["the cat", "a dog"], length=4) == [
        write("the cat", length=4),
        write("a dog", length=4),
    ]


@pytest.mark.parametrize(
    "prompt", ["", "the cat", "the cat ", "the cat,", "the\n", "the 2010", "the 2010 \u2013"]
)
@pytest.mark.parametrize("seed", range(3))
def test_the_stream_adds_up_to_the_text(prompt: str, seed: int, hub: Hub) -> None:
    write = TextGenerator(hub[WORDS], open_runner(hub[WORDS]), YEARS)
    options = {"length": 30, "temperature": 2.0, "seed": seed}
    text = write(prompt, **options).text
    assert prompt + "".join(write.stream(prompt, **options)) == text
    assert "  " not in text


class _Recital:
    """A runner whose network is sure of every next token."""

    name = "recital"

    def __init__(self, ids: Sequence[int], size: int) -> None:
        self.ids, self.size = ids, size

    def begin_state(self, batch: int = 1) -> tuple[np.ndarray[Any, Any], ...]:
        return (np.zeros((1, batch, 1), np.float32),)

    def step(self, data: Any, state: Any) -> tuple[Any, Any]:
        at = int(state[0][0, 0, 0])
        logits = np.zeros((len(data), 1, self.size), np.float32)
        logits[-1, 0, self.ids[at]] = 1
        return logits, (state[0] + 1,)


def test_real_text_is_streamed_as_it_is_written(data_mirror: str, hub: Hub) -> None:
    data = load_dataset("wikitext2", progress=False)
    for at in np.random.default_rng(0).integers(0, len(data.test) - 100, 60):
        runner: Any = _Recital(data.test[at : at + 100], len(data.vocabulary))
        write = TextGenerator(hub[WORDS], runner, data.vocabulary)
        pieces = list(write.stream("", forbidden=()))
        assert len(pieces) > 80
        assert "".join(pieces) == write("", forbidden=()).text


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("the 2010 \u2013", "the 2010 \u2013 11 cat"),
        ("the 2010 ", "the 2010 11 cat"),
        ("", "11 cat"),
    ],
)
def test_a_prompt_stays_as_it_is(prompt: str, text: str, hub: Hub) -> None:
    runner: Any = _Recital(YEARS.encode(["11", "cat"]).tolist(), len(YEARS))
    write = TextGenerator(hub[WORDS], runner, YEARS)
    assert write(prompt, length=2).text == text
    assert prompt + "".join(write.stream(prompt, length=2)) == text


def test_unknown_words_are_read_but_not_written(hub: Hub) -> None:
    write = pipeline(hub[WORDS])
    options = {"length": 300, "temperature": 3.0, "seed": 1}
    assert "<unk>" not in write("the zebra", **options).tokens
    assert "<unk>" in write("the zebra", forbidden=(), **options).tokens
    assert "cat" not in write("the zebra", forbidden=["<unk>", "cat"], **options).tokens


def test_text_ends_before_a_stop_token(hub: Hub) -> None:
    write = pipeline(hub[WORDS])
    options = {"length": 300, "temperature": 3.0, "seed": 1}
    whole = write("the", **options).tokens
    assert write("the", stop=".", **options).tokens == whole[: whole.index(".")]
    assert write("the", stop=["\n"], **options).tokens == whole[: whole.index("<eos>")]


@pytest.mark.parametrize(("name", "first"), [(WORDS, "<eos>"), (CHARACTERS, "\n")])
def test_a_text_without_a_prompt_begins_with_a_line(
    name: str, first: str, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = pipeline(hub[name])
    read: list[Any] = []
    step = write.runner.step
    monkeypatch.setattr(
        write.runner, "step", lambda ids, state: read.append(ids.tolist()) or step(ids, state)
    )
    assert len(write("", length=5).tokens) == 5
    assert read[0] == [[write.vocabulary.index[first]]]


def test_prompts_and_options_that_do_not_fit_are_refused(hub: Hub) -> None:
    with pytest.raises(InputError, match="'7'"):
        pipeline(hub[CHARACTERS])("7")
    for wrong in (7, [7]):
        with pytest.raises(InputError, match="A prompt is a text, not int"):
            pipeline(hub[WORDS])(wrong)
    with pytest.raises(ConfigError, match="'zebra' is not one of the tokens of lstm_lm"):
        pipeline(hub[WORDS])("the", stop="zebra")
    with pytest.raises(ConfigError, match="temperature"):
        pipeline(hub[WORDS])("the", temperature=-1)
    with pytest.raises(TypeError, match="temprature"):
        pipeline(hub[WORDS])("the", temprature=1)


def test_a_name_is_looked_up_among_the_published_records(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.manifest._packaged", lambda: dict(hub))
    assert pipeline("mlp.tiny").weights.to_json() == hub["mlp.tiny"].to_json()
    assert pipeline("mlp", "mxnet").weights.name == "mlp.tiny"
    with pytest.raises(UnknownModelError, match=r"Did you mean 'mlp\.tiny'"):
        pipeline("mpl.tiny")


def test_a_vocabulary_of_another_size_is_refused(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.pipelines.read_artifact", lambda artifact: b"\\n\na\nb\n")
    with pytest.raises(
        DataError, match=r"tiny-characters: the vocabulary has 3 tokens, the network \d+"
    ):
        pipeline(hub[CHARACTERS])


def test_a_pipeline_says_what_it_is(hub: Hub) -> None:
    assert repr(pipeline(hub["mlp.tiny"])) == "<Predictor mlp.tiny on onnx>"
    assert repr(pipeline(hub[WORDS], "mxnet")) == "<TextGenerator lstm_lm.tiny-words on mxnet>"
