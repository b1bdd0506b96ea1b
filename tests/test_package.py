"""The package as a whole: public names, who imports whom, what an import loads, house rules."""

from __future__ import annotations

import ast
import graphlib
import importlib
import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import zoo
from zoo.errors import MissingDependencyError

PACKAGE = Path(zoo.__file__).parent
ROOT = Path(__file__).parent.parent

LAYERS = (  # top to bottom: a room imports rooms of lower layers only
    {"cli"},
    {"sharing", "gallery"},
    {"publish"},
    {"publishing", "tables", "variants"},
    {"evaluation"},
    {"pipelines"},
    {"importing"},
    {"runtimes", "hub"},
    {"onnx", "params_files"},
    {"params", "models"},
    {"data"},
    {"text", "transforms", "generation", "samples"},
    {"pictures", "feature_rows"},
    {"lookup"},
    {"hubs"},
    {"fetching", "last_seen", "signatures", "hub_folder"},
    {"receiving", "manifest"},
    {"sources", "cache", "display"},
    {"unwrapping", "partial", "versions", "consistency"},
    {"records", "downloading", "safetensors_check", "gluon_params"},
    {"atomic", "addresses", "connections", "strict_json", "cards", "_mxnet", "confined", "spread"},
    {"errors", "owners", "figures", "byte_order", "relay"},
)
DEPTHS = {room: depth for depth, layer in enumerate(LAYERS) for room in layer}

LOADED_BY = {  # heavy packages, and the modules that may load them when they are imported
    "mxnet": r"zoo\.(_mxnet|models\.\w+|onnx\.\w+)",
    "onnx": r"zoo\.onnx\.\w+(\.\w+)?",
    "onnxruntime": r"never",
}
IMPORTED_BY = {  # the modules that may name them at all
    "mxnet": r"zoo\._mxnet",
    "onnx": r"zoo\.(onnx|publishing)\.\w+(\.\w+)?",
    "onnxruntime": r"zoo\.onnx\.(sessions|quantizing)",
}


class Import(NamedTuple):
    """`module` imports `target`; `late` inside a function, `typing` only for type checkers."""

    module: str
    target: str
    late: bool
    typing: bool


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports_of(module: str, path: Path) -> Iterator[Import]:
    def walk(node: ast.AST, late: bool, typing: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            inside = late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            guarded = typing or (
                isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            )
            yield from (Import(module, target, late, typing) for target in _targets(child))
            yield from walk(child, inside, guarded)

    return walk(ast.parse(path.read_text("utf-8")), False, False)


def _targets(node: ast.AST) -> list[str]:
    """The modules that an import statement names; the names in them where they are modules."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        inner = [f"{node.module}.{alias.name}" for alias in node.names]
        if node.module == "zoo":
            return ["zoo" if one == "zoo.__version__" else one for one in inner]
        modules = [one for one in inner if one in MODULES]
        return modules if len(modules) == len(inner) else [str(node.module), *modules]
    return []


IMPORTS = [one for module, path in MODULES.items() for one in imports_of(module, path)]


def room(module: str) -> str:
    """The part of the package that a module belongs to; empty for `zoo` itself."""
    return module.split(".")[1] if "." in module else ""


def test_public_names_are_sorted_and_are_all_that_there_is() -> None:
    offered = {one.target for one in IMPORTS if one.module == "zoo" and one.typing}
    assert zoo.__all__ == sorted(zoo.__all__)
    assert {"ZooError", *zoo._ROOMS} == set(zoo.__all__)
    assert {target for target in offered if target in MODULES} == set(zoo._ROOMS.values())


@pytest.mark.parametrize("name", zoo.__all__)
def test_a_public_name_can_be_imported_and_says_what_it_is(name: str) -> None:
    try:
        value = getattr(importlib.import_module("zoo"), name)
    except MissingDependencyError as error:
        pytest.skip(str(error))
    assert value.__module__.startswith("zoo.")
    assert value.__doc__
    assert name in dir(zoo)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'get_modle'"):
        _ = zoo.get_modle


@pytest.mark.parametrize("module", [one for one in MODULES if not one.endswith("__main__")])
def test_a_module_can_be_imported_and_offers_what_its_all_names(module: str) -> None:
    try:
        loaded = importlib.import_module(module)
        names = getattr(loaded, "__all__", [])
        missing = [name for name in names if not hasattr(loaded, name)]
    except MissingDependencyError as error:
        pytest.skip(str(error))
    assert missing == []
    assert len(names) == len(set(names))


def loaded_by(statement: str) -> set[str]:
    """The top-level packages in memory after a fresh interpreter ran `statement`."""
    command = f"{statement}; import sys; print(*{{one.partition('.')[0] for one in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_import_zoo_loads_no_package_but_zoo() -> None:
    found = loaded_by("import zoo")
    assert found.isdisjoint({"mxnet", "onnx", "onnxruntime", "numpy", "requests", "rich"})


def test_light_modules_load_no_runtime() -> None:
    heavy = re.compile("|".join([*LOADED_BY.values(), r".*\.__main__"]))
    light = [module for module in MODULES if not heavy.fullmatch(module)]
    assert {"zoo.pipelines", "zoo.hub", "zoo.models", "zoo.onnx", "zoo.cli"} <= set(light)
    found = loaded_by(f"import {', '.join(light)}")
    assert found.isdisjoint({"mxnet", "onnx", "onnxruntime"})


def test_every_room_has_its_layer() -> None:
    assert {room(module) for module in MODULES if room(module)} == set(DEPTHS)


def test_rooms_import_lower_layers_only() -> None:
    wrong = [
        f"{one.module} imports {one.target}"
        for one in IMPORTS
        if one.target.startswith("zoo.") and one.module != "zoo"
        if room(one.module) != room(one.target)
        and DEPTHS[room(one.module)] >= DEPTHS.get(room(one.target), -1)
    ]
    assert wrong == []


def test_modules_form_no_cycle() -> None:
    needs: dict[str, set[str]] = {module: set() for module in MODULES}
    for one in IMPORTS:
        if one.target in MODULES and one.target != one.module and not one.late and not one.typing:
            needs[one.module].add(one.target)
    assert set(graphlib.TopologicalSorter(needs).static_order()) == set(MODULES)


@pytest.mark.parametrize("package", LOADED_BY)
def test_runtimes_are_imported_where_they_may_be(package: str) -> None:
    found = [one for one in IMPORTS if one.target.partition(".")[0] == package and not one.typing]
    assert [one for one in found if not re.fullmatch(IMPORTED_BY[package], one.module)] == []
    early = [one for one in found if not one.late]
    assert [one for one in early if not re.fullmatch(LOADED_BY[package], one.module)] == []


def test_the_package_imports_nothing_of_the_checkout() -> None:
    beside = {path.stem for path in (ROOT / "scripts").glob("*.py")} | {"scripts", "tests"}
    assert [one for one in IMPORTS if one.target.partition(".")[0] in beside] == []


def test_the_design_names_every_room_and_the_layers() -> None:
    design = (ROOT / "docs" / "design.md").read_text("utf-8")
    listed = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", design, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(listed))) == set(DEPTHS)
    drawn = re.search(r"^```\n(cli\n.*?)```", design, re.MULTILINE | re.DOTALL)
    assert drawn is not None
    assert [set(line.split()) for line in drawn[1].splitlines()] == list(LAYERS)


def test_files_stay_small() -> None:
    files = [*MODULES.values(), *(ROOT / "scripts").glob("*.py")]
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def kept_files() -> list[Path]:
    """What git tracks, or would. Skips outside of a checkout."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git and a checkout")
    paths = (ROOT / line for line in done.stdout.splitlines())
    return [path for path in paths if path.is_file()]


# Each with a dot between the parts: this file names none of them.
HOSTS = (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("debian", "org"))
REGISTRY = re.compile("|".join(rf"\b{re.escape('.'.join(parts))}\b" for parts in HOSTS))
MACHINE = re.compile(r"(?<![\w.<{-])/(?:work|root|(?:home|Users)/(?!me/)\w+)/\w")


def test_no_registry_host_and_no_path_of_a_machine_is_named() -> None:
    wrong = []
    for path in kept_files():
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            if MACHINE.search(line) or REGISTRY.search(line):
                wrong.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert wrong == []


VERSION = r"\d+\.\d+\.\d+"
HEADINGS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "Weights")


@pytest.fixture
def changes() -> str:
    return (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_changelog_has_its_form(changes: str) -> None:
    titles = re.findall(r"^## (.*)$", changes, re.MULTILINE)
    form = rf"\[(Unreleased|{VERSION})\]( - (\d{{4}}-\d\d-\d\d|unreleased))?"
    assert [title for title in titles if not re.fullmatch(form, title)] == []
    for section in re.split(r"^## ", changes, flags=re.MULTILINE)[1:]:
        headings = re.findall(r"^### (.*)$", section, re.MULTILINE)
        assert headings == [heading for heading in HEADINGS if heading in headings]


def test_the_version_is_the_same_everywhere(changes: str) -> None:
    newest = re.search(rf"^## \[({VERSION})\]", changes, re.MULTILINE)
    assert newest is not None
    assert newest[1] == zoo.__version__ == importlib.metadata.version("gluon-zoo")


def test_the_changelog_names_all_published_weights(changes: str) -> None:
    sections = re.findall(r"^### Weights$(.*?)(?=^##|\Z)", changes, re.MULTILINE | re.DOTALL)
    named = re.findall(r"^- `([^`]+)`", "".join(sections), re.MULTILINE)
    assert sorted(named) == sorted(zoo.list_weights())
