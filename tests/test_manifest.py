from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from records import artifact, document, record, tensor, weights

from zoo import manifest
from zoo.errors import ManifestError, UnknownModelError
from zoo.manifest import (
    Artifact,
    Metric,
    TensorSpec,
    Weights,
    get_weights,
    list_weights,
    read_manifest,
    write_manifest,
)
from zoo.sharing.model_card import model_card
from zoo.tables import details


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "weights_manifest.json"


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the package's folder of weights, its manifest not yet written."""
    monkeypatch.setattr(manifest, "embedded_folder", lambda: tmp_path)
    return tmp_path / manifest.FILE_NAME


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """The packaged manifest is read once a process; not so between tests."""
    manifest._packaged.cache_clear()
    yield
    manifest._packaged.cache_clear()


def _named(architecture: str, tag: str, **changes: Any) -> dict[str, Any]:
    one = record(architecture=architecture, tag=tag, **changes)
    for kind, part in one["artifacts"].items():
        part["file"] = f"{architecture}.{tag}.{kind}"
    return one


def _refused(path: Path, content: Any) -> str:
    text = content if isinstance(content, (bytes, str)) else json.dumps(content)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ManifestError) as caught:
        read_manifest(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) < 600 + len(str(path))
    return message


def test_a_record_has_its_parts(path: Path) -> None:
    path.write_text(json.dumps(document()))
    one = read_manifest(path)["lenet.mnist"]
    assert one.name == "lenet.mnist"
    assert one.config == {"classes": 10}
    assert one.artifact("onnx-graph").sources == ("https://example.org/lenet.mnist.graph.onnx",)
    assert one.artifact("safetensors").dtype == "float32"
    assert one.inputs == (TensorSpec("data", ("batch", 1, 28, 28), "float32"),)
    assert one.metrics[0].value == 0.9951
    assert one.labels is not None
    assert one.labels[9] == "9"
    assert one.golden.input.dtype == np.uint8
    assert one.golden.input.shape == (2, 28, 28)
    assert one.golden.output[1, 9] == 3
    assert not one.golden.output.flags.writeable


@pytest.mark.parametrize(
    ("teachers", "words"),
    [
        (None, ""),
        ("three", ""),
        ({"count": 3}, ""),
        ({"count": 1, "config": {}}, "a network of the same family"),
        ({"count": 3, "config": {}}, "3 networks of the same family"),
        (
            {"count": 2, "config": {"hidden": [512, 256]}},
            "2 networks of the same family (hidden = [512, 256])",
        ),
        ({"count": 1, "config": {}, "recipe": None}, "a network of the same family"),
        ({"count": 1, "config": {}, "recipe": "mlp"}, "a network of the same family"),
        (
            {"count": 1, "config": {"hidden": [9]}, "recipe": {"name": "mlp.fashion_mnist"}},
            "a network of another family, mlp (hidden = [9])",
        ),
    ],
)
def test_a_record_tells_its_teachers(teachers: Any, words: str) -> None:
    one = weights(provenance=record()["provenance"] | {"recipe": {"teachers": teachers}})
    assert one.teachers == words
    assert ("taught by" in one._repr_html_()) is bool(words)
    assert ("\n- Taught by: " in details([one])) is bool(words)
    card = model_card({one.name: one}, "me/models", "checksums")
    assert ("\n- Taught by " in card) is bool(words)


def test_an_unknown_kind_lists_the_known() -> None:
    with pytest.raises(ManifestError, match=r"no artifact 'onnx-int8'.*safetensors, onnx-graph"):
        weights().artifact("onnx-int8")


def test_the_same_records_give_the_same_bytes(path: Path) -> None:
    shuffled = dict(reversed(list(document()["weights"]["lenet.mnist"].items())))
    path.write_text(json.dumps({"weights": {"lenet.mnist": shuffled}, "schema": 1}))
    write_manifest(path, read_manifest(path))
    first = path.read_bytes()
    write_manifest(path, read_manifest(path))
    assert path.read_bytes() == first
    assert list(json.loads(first)["weights"]["lenet.mnist"]) == list(record())
    assert first.endswith(b"}\n")


def test_golden_arrays_survive_exactly(path: Path) -> None:
    one = weights()
    write_manifest(path, {one.name: one})
    again = read_manifest(path)[one.name]
    np.testing.assert_array_equal(again.golden.input, one.golden.input)
    np.testing.assert_array_equal(again.golden.output, one.golden.output)
    assert again.to_json() == one.to_json()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"config": {"classes": float("nan")}}, "not plain JSON"),
        ({"config": {"classes": {1, 2}}}, "not plain JSON"),
        ({"parameters": -1}, "parameters"),
        ({"tag": "other"}, "lenet.other"),
    ],
)
def test_nothing_unreadable_is_written(changes: dict[str, Any], reason: str, path: Path) -> None:
    path.write_text("old")
    with pytest.raises(ManifestError, match=reason):
        write_manifest(path, {"lenet.mnist": weights(**changes)})
    assert path.read_text() == "old"


def test_the_first_tag_is_the_default(packaged: Path) -> None:
    ones = [_named("mlp", "mnist"), _named("lenet", "fashion_mnist"), _named("lenet", "mnist")]
    packaged.write_text(json.dumps(document(*ones)))
    assert get_weights("lenet").name == "lenet.fashion_mnist"
    assert get_weights("lenet.mnist").tag == "mnist"
    assert list_weights() == ["mlp.mnist", "lenet.fashion_mnist", "lenet.mnist"]
    assert list_weights("*.mnist") == ["mlp.mnist", "lenet.mnist"]
    assert list_weights("LENET*") == []
    assert list_weights(task="language-modeling") == []
    assert len(list_weights(task="image-classification")) == 3


def test_who_changes_a_record_changes_it_for_nobody_else(packaged: Path) -> None:
    values = {"0": 0.9951, "1": 0.9951}
    own = {"metric": "accuracy", "dataset": "mnist", "split": "test", "n": 2, "mean": 0.9951}
    seeds = {**own, "standard_deviation": 0.0, "values": values}
    packaged.write_text(json.dumps(document(record(seeds=seeds))))
    before = get_weights("lenet").to_json()
    found: Any = get_weights("lenet")
    found.preprocessing["scale"] = 1.0
    found.preprocessing["mean"][0] = 1.0
    found.provenance["recipe"]["epochs"] = 1
    found.metrics[0].runtimes["mxnet"] = 1.0
    found.seeds.values[0] = 1.0
    for changed in (found.config, found.licence, found.artifacts):
        changed.clear()
    assert get_weights("lenet").to_json() == before
    assert get_weights("lenet").golden.input is found.golden.input


def test_unknown_names_suggest_near_ones(packaged: Path) -> None:
    packaged.write_text(json.dumps(document()))
    with pytest.raises(UnknownModelError, match=r"Did you mean 'lenet\.mnist'\?"):
        get_weights("lennet.mnist")
    with pytest.raises(UnknownModelError, match=r"Known: lenet\.mnist"):
        get_weights("resnet152_v2")


def test_writing_the_packaged_manifest_is_seen_at_once(packaged: Path) -> None:
    packaged.write_text(json.dumps(document()))
    records = read_manifest()
    records["mlp.mnist"] = Weights.from_json(_named("mlp", "mnist"))
    assert list_weights() == ["lenet.mnist"]
    write_manifest(packaged, records)
    assert list_weights() == ["lenet.mnist", "mlp.mnist"]


def test_a_package_without_a_manifest(packaged: Path) -> None:
    with pytest.raises(ManifestError, match=r"no manifest of published weights.*reinstall"):
        read_manifest()


def test_a_missing_file(path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read: No such file"):
        read_manifest(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no json",
        b"\xef\xbb\xbf" + json.dumps(document()).encode(),
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"schema": 1, "schema": 1, "weights": {}}',
        b'{"schema": 1, "weights": {"x": NaN}}',
        b'{"schema": 1, "weights": {"x": 1e999}}',
        b'{"schema": 1, "weights": {"x": ' + b"1" * 5000 + b"}}",
        b" " * (33 << 20),
    ],
    ids=["empty", "text", "bom", "utf16", "deep", "double", "nan", "inf", "digits", "large"],
)
def test_not_strict_json(content: bytes, path: Path) -> None:
    message = _refused(path, content)
    assert "manifest" in message


def test_a_key_twice_is_named(path: Path) -> None:
    message = _refused(path, b'{"schema": 1, "weights": {}, "weights": {}}')
    assert "the key 'weights' occurs twice" in message


@pytest.mark.parametrize("content", [[], 1, None, {}, {"schema": 1}, {"schema": 1, "weights": []}])
def test_not_a_manifest(content: Any, path: Path) -> None:
    _refused(path, content)


def test_a_newer_schema_says_what_to_do(path: Path) -> None:
    message = _refused(path, {**document(), "schema": 2})
    assert "schema 2, this zoo reads 1: upgrade gluon-zoo" in message


def _set(*keys: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(one: Any) -> None:
        for key in keys[:-1]:
            one = one[key]
        one[keys[-1]] = to

    return change


def _drop(*keys: str) -> Callable[[dict[str, Any]], None]:
    def change(one: Any) -> None:
        for key in keys[:-1]:
            one = one[key]
        del one[keys[-1]]

    return change


FILE = ("artifacts", "safetensors")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (_drop("golden"), "golden"),
        (_set("surprise", to=1), "surprise"),
        (_set("task", to="translation"), "task"),
        (_set("architecture", to="lenet\n"), "architecture"),
        (_set("parameters", to=1.5), "parameters"),
        (_set("parameters", to=True), "parameters"),
        (_drop("artifacts", "safetensors"), "safetensors"),
        (_drop(*FILE, "sha256"), "sha256"),
        (_set(*FILE, "sha256", to="0" * 63), "sha256"),
        (_set(*FILE, "sha256", to="0" * 64 + "\n"), "sha256"),
        (_set(*FILE, "sha256", to="A" * 64), "sha256"),
        (_set(*FILE, "md5", to="0" * 32), "md5"),
        (_drop(*FILE, "size"), "size"),
        (_set(*FILE, "size", to=-1), "size"),
        (_set(*FILE, "size", to=1.5), "size"),
        (_set(*FILE, "size", to=1 << 70), "size"),
        (_set(*FILE, "file", to=""), "file"),
        (_set(*FILE, "file", to="../x"), "file"),
        (_set(*FILE, "file", to="/etc/passwd"), "file"),
        (_set(*FILE, "file", to="C:x"), "file"),
        (_set(*FILE, "file", to="a\0b"), "file"),
        (_set(*FILE, "file", to="a\n"), "file"),
        (_set(*FILE, "file", to="a/b"), "file"),
        (_set(*FILE, "file", to="x" * 300), "file"),
        (_set(*FILE, "sources", to=["ftp://example.org/x"]), "sources"),
        (_set(*FILE, "sources", to=["https://me:secret@example.org/x"]), "sources"),
        (_set(*FILE, "sources", to=["https://[/x"]), "sources"),
        (_set(*FILE, "sources", to=["https://example.org/a b"]), "sources"),
        (_set("inputs", 0, "shape", to=["batch", 0]), "inputs.0.shape"),
        (_set("inputs", 0, "dtype", to="object"), "inputs.0.dtype"),
        (_set("preprocessing", "kind", to="audio"), "preprocessing.kind"),
        (_set("preprocessing", "std", to=[0]), "preprocessing.std"),
        (_set("preprocessing", "code", to="print(1)"), "code"),
        (_set("metrics", to=[]), "metrics"),
        (_set("metrics", 0, "n", to=0), "metrics.0.n"),
        (_set("metrics", 0, "value", to=0.5), "accuracy"),
        (_set("golden", "output", "shape", to=[2, 11]), "golden.output.data"),
        (_set("golden", "output", "data", to="?"), "golden.output.data"),
        (_set("golden", "output", "data", to="//9/" * 20 + "//8="), "golden.output.data"),
        (_set("golden", "tolerance", to=0), "golden.tolerance"),
        (_drop("provenance", "seed"), "seed"),
        (_set("provenance", "data", "x", to="12"), "provenance.data.x"),
    ],
)
def test_a_damaged_record_is_named_with_its_field(
    change: Callable[[dict[str, Any]], None], field: str, path: Path
) -> None:
    content = document()
    change(content["weights"]["lenet.mnist"])
    message = _refused(path, content)
    assert "lenet.mnist" in message
    assert field in message
    assert "secret" not in message


def test_numbers_that_are_not_finite_in_the_golden_output(path: Path) -> None:
    one = record()
    one["golden"]["output"] = {"dtype": "float32", "shape": [1], "data": "AADAfw=="}
    assert "golden.output.data: holds a number that is not finite" in _refused(path, document(one))


def test_a_golden_shape_too_large_for_an_array(path: Path) -> None:
    one = record()
    one["golden"]["output"] = {"dtype": "float32", "shape": [0, 2**53, 2**53], "data": ""}
    assert "golden.output.shape" in _refused(path, document(one))


def test_a_record_under_another_name(path: Path) -> None:
    content = {"schema": 1, "weights": {"mlp.mnist": record()}}
    assert "architecture, tag and version say lenet.mnist" in _refused(path, content)


def test_two_files_of_one_name(path: Path) -> None:
    other = _named("mlp", "mnist")
    other["artifacts"]["safetensors"] |= {"file": "LeNet.MNIST.safetensors", "sha256": "a" * 64}
    assert "also a file of lenet.mnist, with other bytes" in _refused(
        path, document(record(), other)
    )


def test_one_file_shared_by_two_records(path: Path) -> None:
    other = {**record(), "tag": "mnist-int8"}
    path.write_text(json.dumps(document(record(), other)))
    assert list(read_manifest(path)) == ["lenet.mnist", "lenet.mnist-int8"]


@pytest.mark.parametrize(
    ("task", "metric", "preprocessing", "raw"),
    [
        ("tabular-classification", "accuracy", {"kind": "features", "count": 123}, (2, 123)),
        (
            "tabular-regression",
            "r2",
            {"kind": "features", "names": ["a"], "mean": [0.0], "std": [1.0]},
            (2, 1),
        ),
        (
            "language-modeling",
            "nats_per_character",
            {"kind": "tokens", "level": "character", "unknown": None, "end": None},
            (2, 1),
        ),
    ],
)
def test_other_preprocessing(
    task: str, metric: str, preprocessing: dict[str, Any], raw: tuple[int, ...], path: Path
) -> None:
    one = record(task=task, preprocessing=preprocessing, labels=None)
    one["metrics"] = [{**one["metrics"][0], "name": metric}]
    one["golden"]["input"] = tensor(np.zeros(raw, np.int64))
    if task == "language-modeling":
        one["outputs"][0]["shape"] = ["time", "batch", 65]
    path.write_text(json.dumps(document(one)))
    one = read_manifest(path)["lenet.mnist"]
    assert one.preprocessing == preprocessing
    assert one.labels is None


def test_features_need_mean_and_std_together(path: Path) -> None:
    one = record(preprocessing={"kind": "features", "count": 1, "mean": [0.0]})
    assert "'std' is a dependency of 'mean'" in _refused(path, document(one))


@pytest.mark.parametrize("file", ["mnist/train-images-idx3-ubyte", "wikitext-2/wiki.test.tokens"])
def test_a_dataset_file_may_lie_in_a_folder(file: str) -> None:
    assert artifact(b"", file, "data").basename == file.split("/")[1]


@pytest.mark.parametrize("file", ["a/../b", "a//b", "/a", "a/", ".a", "a\\b", "a/b.", "é", "-a"])
def test_an_artifact_refuses_other_paths(file: str) -> None:
    with pytest.raises(ManifestError, match="not a plain relative path"):
        Artifact("data", file, "0" * 64, 1)


def test_a_metric_is_that_of_mxnet() -> None:
    with pytest.raises(ManifestError, match=r"value 1.0 is not runtimes\.mxnet, 2\.0"):
        Metric("r2", "d", "test", 1, 1.0, None, 0.1, {"mxnet": 2.0})


def test_no_library_of_a_runtime_is_imported() -> None:
    program = (
        "import sys, zoo.manifest, zoo.fetching, zoo.cache, zoo.params\n"
        "print([name for name in ('mxnet', 'onnx', 'onnxruntime', 'requests', 'jsonschema')"
        " if name in sys.modules])"
    )
    root = Path(manifest.__file__).parents[1]
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=root, check=True, capture_output=True, text=True
    )
    assert result.stdout == "[]\n"


@pytest.mark.parametrize(
    ("recipe", "start"), [({}, ""), ({"start": ""}, ""), ({"start": "mlp.x@2"}, "mlp.x@2")]
)
def test_a_record_tells_what_it_started_from(recipe: Any, start: str) -> None:
    one = weights(provenance=record()["provenance"] | {"recipe": recipe})
    assert one.start == start
    assert ("started from" in one._repr_html_()) is bool(start)
    assert ("\n- Started from: `mlp.x@2`\n" in details([one])) is bool(start)


@pytest.mark.parametrize(
    ("recipe", "words"),
    [({}, "train"), ({"final_fit": False}, "train"), ({"final_fit": True}, "train and validation")],
)
def test_a_record_tells_the_splits_it_was_fitted_to(recipe: Any, words: str) -> None:
    one = weights(provenance=record()["provenance"] | {"recipe": recipe})
    assert one.fitted_to == words
    assert f">{words}<" in one._repr_html_()
    assert f"20 epochs on {words}, " in details([one])
