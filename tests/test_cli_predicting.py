"""`zoo predict` and `zoo generate`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import Run, document, refusal, without_styles
from PIL import Image

from zoo import get_weights, samples
from zoo.cli import predicting, showing
from zoo.pipelines import Estimate, Prediction, pipeline
from zoo.runtimes import RUNTIMES

pytest_plugins = ["hubs", "cli_hub"]

WORDS, CHARACTERS = "lstm_lm.tiny-words", "lstm_lm.tiny-characters"
HOUSE = {"rooms": 5, "age": 41, "income": -3.5}


@pytest.mark.usefixtures("embedded")
def test_a_picture_is_shown_with_its_probabilities(run: Run) -> None:
    path = samples.digits()[3]
    answer = pipeline("lenet")(path)
    lines = run("predict", "lenet", path, "--top", "3").stdout.splitlines()
    assert lines[0] == f"{path}: {answer.label}, {answer.probability * 100:.2f} %"
    assert len(lines) == 15
    assert sum("█" in line for line in lines) > 5
    charted = [line for line in lines if line.endswith("%") and ": " not in line]
    assert len(charted) == 3
    for line, (label, share) in zip(charted, answer.top(3), strict=True):
        assert line[28:].split()[0] == label
        assert line.endswith(f" {share * 100:.2f} %")


@pytest.mark.usefixtures("embedded")
def test_the_picture_is_what_the_network_sees(run: Run, tmp_path: Path) -> None:
    field = np.zeros((28, 28), np.uint8)
    field[4:24, 10:12] = 255
    Image.fromarray(field).save(tmp_path / "line.png")
    lines = run("predict", "lenet", tmp_path / "line.png").stdout.splitlines()[1:]
    drawn = [line[:28].rstrip() for line in lines]
    assert drawn == [""] * 2 + [" " * 10 + "██"] * 10 + [""] * 2


@pytest.mark.usefixtures("embedded")
def test_pictures_have_colours_on_a_terminal_unless_told_otherwise(run: Run) -> None:
    arguments = ("predict", "lenet", samples.digits()[3])
    terminal = {"FORCE_COLOR": "1", "COLORTERM": "truecolor", "COLUMNS": "80", "TERM": "xterm"}
    assert "\x1b[38;2;" in run(*arguments, env=terminal).stdout
    plain = run(*arguments, env={**terminal, "NO_COLOR": "1"}).stdout
    assert "38;2;" not in plain
    assert "▀" in plain
    assert "\x1b" not in run(*arguments).stdout


@pytest.mark.usefixtures("embedded")
def test_a_narrow_terminal_has_the_bars_below(run: Run) -> None:
    terminal = {"FORCE_COLOR": "1", "COLUMNS": "40", "TERM": "xterm"}
    lines = without_styles(run("predict", "lenet", samples.digits()[3], env=terminal)).splitlines()
    assert all(line.endswith("%") for line in lines[-5:])
    assert lines[-6] == "▀" * 28
    assert max(map(len, lines[-19:])) <= 40


@pytest.mark.usefixtures("embedded")
def test_pictures_need_no_name(run: Run) -> None:
    paths = samples.digits()[2:4]
    assert run("predict", *paths).stdout == run("predict", "lenet", *paths).stdout
    nothing = run("predict", "lenet")
    assert nothing.exit_code == 2
    assert "give a picture or a row of features" in nothing.stderr
    assert refusal(run("predict", "none.png")) == "There is no file 'none.png'."


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.usefixtures("embedded")
def test_pictures_as_json(runtime: str, run: Run) -> None:
    paths = samples.digits()[:2]
    result = run("predict", "lenet", *paths, "--json", "--top", 2, "--runtime", runtime)
    answers = pipeline("lenet", runtime)(paths)
    assert document(result) == {
        "name": "lenet.tiny",
        "runtime": runtime,
        "predictions": [
            {
                "input": str(path),
                "label": answer.label,
                "probability": answer.probability,
                "top": [{"label": one, "probability": share} for one, share in answer.top(2)],
            }
            for path, answer in zip(paths, answers, strict=True)
        ],
    }


@pytest.mark.usefixtures("embedded")
def test_a_picture_from_standard_input(run: Run) -> None:
    path = samples.digits()[5]
    piped = document(run("predict", "lenet", "-", "--json", input=path.read_bytes()))
    [answer] = piped["predictions"]
    assert answer["input"] == "-"
    assert answer["probability"] == pipeline("lenet")(path).probability
    cut = refusal(run("predict", "lenet", "-", input=path.read_bytes()[:300]))
    assert cut.startswith("Standard input cannot be read as a picture: ")


@pytest.mark.usefixtures("embedded")
def test_what_is_no_picture(run: Run, tmp_path: Path) -> None:
    text = tmp_path / "text.png"
    text.write_text("no picture")
    assert "is not a picture" in refusal(run("predict", "lenet", text))
    assert "is not a picture" in refusal(run("predict", "lenet", "-", input=b"no picture"))
    assert "There is no file" in refusal(run("predict", "lenet", tmp_path / "none.png"))


@pytest.mark.parametrize(
    "row",
    [
        "5, 41, -3.5",
        "5 41 -3.5",
        "income=-3.5 rooms=5 age=41",
        "income = -3.5, rooms= 5 age =41",
        "1:5 2:41 3:-3.5",
    ],
)
@pytest.mark.usefixtures("embedded")
def test_a_row_of_features(row: str, run: Run) -> None:
    value = pipeline("linear_regression")(HOUSE).value
    [answer] = document(run("predict", "linear_regression", row, "--json"))["predictions"]
    assert answer == {"input": row, "value": value, "unit": "100,000 dollars"}
    text = run("predict", "linear_regression", row).stdout
    assert text == f"{row}: {value:.3f} x 100,000 dollars\n"


@pytest.mark.usefixtures("embedded")
def test_a_row_may_begin_with_a_minus(run: Run) -> None:
    answers = document(run("predict", "linear_regression", "-1,-2,-3", "-.5,2,3", "--json"))
    assert [one["input"] for one in answers["predictions"]] == ["-1,-2,-3", "-.5,2,3"]


@pytest.mark.usefixtures("embedded")
def test_rows_of_a_file_and_of_standard_input(run: Run, tmp_path: Path) -> None:
    rows = "5,41,-3.5\n\n1,2,3\n"
    (tmp_path / "rows.csv").write_text(rows)
    from_file = document(run("predict", "linear_regression", tmp_path / "rows.csv", "--json"))
    piped = document(run("predict", "linear_regression", "-", "--json", input=rows))
    assert from_file == piped
    assert [one["input"] for one in piped["predictions"]] == ["5,41,-3.5", "1,2,3"]


@pytest.mark.usefixtures("embedded")
def test_a_binary_classifier_shows_both_labels(run: Run) -> None:
    lines = run("predict", "logistic_regression", "3:1 11:1").stdout.splitlines()
    assert len(lines) == 3
    assert {line.split()[0] for line in lines[1:]} == {"<=50K", ">50K"}


@pytest.mark.parametrize("row", ["1,2", "a,b,c", "rooms=5", "5,41,nan", "rooms=1 age=2 incom=3"])
@pytest.mark.usefixtures("embedded")
def test_rows_that_do_not_fit(row: str, run: Run) -> None:
    refusal(run("predict", "linear_regression", row))


@pytest.mark.parametrize(
    ("row", "feature"), [("rooms=5 age=41 income=3 age=14", "'age'"), ("1:5 2:41 3:3 2:14", "2")]
)
@pytest.mark.usefixtures("embedded")
def test_a_feature_that_is_given_twice(row: str, feature: str, run: Run) -> None:
    message = refusal(run("predict", "linear_regression", row))
    assert message == f"Feature {feature} is given twice: give each once."


@pytest.mark.parametrize("word", ["income", "=3", "income="])
@pytest.mark.usefixtures("embedded")
def test_a_word_that_is_no_pair(word: str, run: Run) -> None:
    message = refusal(run("predict", "linear_regression", f"rooms=5, age=41, {word}"))
    assert message.endswith("is no name=value pair, such as 'age=41'.")


@pytest.mark.usefixtures("embedded")
def test_what_a_stranger_has_written_does_not_command_the_terminal(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "rows").write_text("1\x1b[2J 3:1\n")
    picture = tmp_path / "three\x1b[2J.png"
    picture.write_bytes(samples.digits()[3].read_bytes())
    for arguments in (
        ("linear_regression", tmp_path / "rows"),
        ("logistic_regression", tmp_path / "rows"),
        ("lenet", picture),
    ):
        shown = run("predict", *arguments).stdout
        assert "\N{REPLACEMENT CHARACTER}[2J" in shown
        assert "\x1b" not in shown


@pytest.mark.usefixtures("embedded")
def test_labels_of_a_stranger_do_not_command_the_terminal() -> None:
    console = showing.open_console()
    label = "\x1b[2Jcat"
    for answer in (Prediction(label, 0.8, {label: 0.8, "dog": 0.2}), Estimate(1.0, label)):
        weights = get_weights("logistic_regression")
        shown = predicting._answer("3:1", "3:1", answer, weights, 5, console).plain
        assert "\N{REPLACEMENT CHARACTER}[2Jcat" in shown
        assert "\x1b" not in shown


@pytest.mark.usefixtures("embedded")
def test_a_beam_wider_than_the_memory(run: Run) -> None:
    result = run("generate", WORDS, "the", "--beam", 1001)
    assert result.exit_code == 2
    assert "1000" in result.stderr
    assert run("generate", WORDS, "the", "--beam", 1000, "--length", 2).exit_code == 0


@pytest.mark.usefixtures("embedded")
def test_files_of_rows_that_are_not_there_or_empty(run: Run, tmp_path: Path) -> None:
    message = refusal(run("predict", "linear_regression", "rows.csv"))
    assert message == "There is no file 'rows.csv', and it is no row of numbers."
    (tmp_path / "rows.csv").write_text("\n")
    assert "rows.csv holds no row." in refusal(
        run("predict", "linear_regression", tmp_path / "rows.csv")
    )
    assert refusal(run("predict", "linear_regression", "-", input="")) == (
        "Standard input holds no row."
    )
    (tmp_path / "rows.csv").write_text("rooms,age,income\n1,2,3\n")
    assert "Row 1 of 2: Features are numbers" in refusal(
        run("predict", "linear_regression", tmp_path / "rows.csv")
    )
    assert "Cell 2 of 3 is empty" in refusal(run("predict", "linear_regression", "1,,3"))


@pytest.mark.usefixtures("embedded")
def test_one_blank_picture_among_several_is_named(run: Run, tmp_path: Path) -> None:
    blank = tmp_path / "blank.png"
    Image.new("L", (90, 90), 255).save(blank)
    message = refusal(run("predict", "lenet", samples.digits()[0], blank))
    assert message.startswith(f"Picture 2 of 2, {str(blank)!r}: The picture is blank")
    assert refusal(run("predict", "lenet", blank)).startswith("The picture is blank")


@pytest.mark.usefixtures("embedded")
def test_what_is_no_text(run: Run) -> None:
    picture = samples.digits()[0]
    assert refusal(run("predict", "linear_regression", picture)) == (
        f"{str(picture)!r} is not a text in UTF-8."
    )
    for command in (["predict", "linear_regression"], ["generate", "lstm_lm"]):
        message = refusal(run(*command, "-", input=b"\xff\xfe"))
        assert message == "Standard input is not a text in UTF-8."


@pytest.mark.usefixtures("embedded")
def test_nothing_to_predict_from(run: Run) -> None:
    refusal(run("predict", "linear_regression", "-", input="\n"))
    refusal(run("predict", "linear_regression", ""))


@pytest.mark.usefixtures("embedded")
def test_each_command_sends_to_the_other(run: Run) -> None:
    assert refusal(run("predict", "lstm_lm", "a")) == (
        "lstm_lm.tiny-words writes text: use zoo generate lstm_lm."
    )
    assert refusal(run("generate", "lenet", "a")) == (
        "lenet.tiny does not write text: use zoo predict lenet."
    )


@pytest.mark.parametrize("name", [WORDS, CHARACTERS])
@pytest.mark.usefixtures("embedded")
def test_text_begins_with_the_prompt(name: str, run: Run) -> None:
    options = ("--length", 12, "--temperature", 0.9, "--seed", 4)
    expected = pipeline(name)("the cat", length=12, temperature=0.9, seed=4).text
    result = run("generate", name, "the cat", *options)
    assert result.stdout == f"{expected}\n"
    assert result.stderr == ""


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.usefixtures("embedded")
def test_greedy_text_as_json(runtime: str, run: Run) -> None:
    result = run("generate", WORDS, "the", "--length", 5, "--runtime", runtime, "--json")
    expected = pipeline(WORDS, "onnx")("the", length=5)
    assert document(result) == {
        "name": WORDS,
        "runtime": runtime,
        "prompt": "the",
        "text": expected.text,
        "tokens": list(expected.tokens),
        "options": {
            "length": 5,
            "temperature": 0.0,
            "top_k": None,
            "top_p": None,
            "beam": 1,
            "seed": 0,
        },
    }


@pytest.mark.parametrize(
    ("options", "decoding"),
    [
        (("--beam", 3), {"beam": 3}),
        (
            ("--temperature", 2, "--top-k", 3, "--seed", 1),
            {"temperature": 2, "top_k": 3, "seed": 1},
        ),
        (("--temperature", 2, "--top-p", 0.5), {"temperature": 2, "top_p": 0.5}),
    ],
)
@pytest.mark.usefixtures("embedded")
def test_decoding_options(
    options: tuple[object, ...], decoding: dict[str, object], run: Run
) -> None:
    expected = pipeline(CHARACTERS)("the", length=9, **decoding).text
    assert run("generate", CHARACTERS, "the", "--length", 9, *options).stdout == f"{expected}\n"


@pytest.mark.usefixtures("embedded")
def test_a_prompt_may_be_left_out_be_piped_or_stay_alone(run: Run) -> None:
    assert run("generate", WORDS, "--length", 3).exit_code == 0
    for name in (WORDS, CHARACTERS):
        given = run("generate", name, "the cat", "--length", 3).stdout
        for piped in ("the cat", "the cat\n", "the cat\r\n"):
            assert run("generate", name, "-", "--length", 3, input=piped).stdout == given
    two_lines = run("generate", CHARACTERS, "-", "--length", 3, input="the cat\n\n").stdout
    assert two_lines.startswith("the cat\n")
    assert run("generate", WORDS, "the cat", "--length", 0).stdout == "the cat\n"


@pytest.mark.usefixtures("embedded")
def test_options_that_contradict_each_other(run: Run) -> None:
    assert "temperature" in refusal(run("generate", WORDS, "the", "--top-k", 3))
    assert "beam" in refusal(run("generate", WORDS, "the", "--beam", 3, "--temperature", 1))
    assert "token 'Q'" in refusal(run("generate", CHARACTERS, "Q"))


def test_the_published_lenet_reads_the_samples(published: dict[str, object], run: Run) -> None:
    if "lenet.mnist" not in published:
        pytest.skip("lenet.mnist is not published yet")
    read = document(run("predict", "lenet.mnist", *samples.digits(), "--json"))["predictions"]
    assert [one["label"] for one in read] == list("0123456789")


def test_the_published_language_models_write(published: dict[str, object], run: Run) -> None:
    names = [name for name in published if name.startswith("lstm_lm.")]
    if not names:
        pytest.skip("no language model is published yet")
    for name in names:
        text = document(run("generate", name, "the ", "--length", 20, "--json"))
        assert len(text["tokens"]) == 20
