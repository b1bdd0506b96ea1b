"""README and docs do what they say: Python blocks run, command lines exist, links lead somewhere.

Each file's Python blocks and cheap commands run in order, in one namespace and one folder, which
holds the sample pictures. In `sh` blocks every line is a command, in `console` blocks those after a
dollar sign. Before a block that cannot run in a test stands, with the reason,

    <!-- not executed: reason -->

Its command lines are still checked.
"""

from __future__ import annotations

import glob
import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from zoo import samples
from zoo.cli import app
from zoo.errors import MissingDependencyError, OfflineError

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DATA_MIRROR = os.environ.get("ZOO_DATA_MIRROR", "")

SHELLS = ("sh", "console")
LANGUAGES = (*SHELLS, "python", "json", "text", "")
CHEAP = {"list", "info", "predict", "generate", "fetch", "verify", "export", "cache", "mirror"}
NOT_OURS = {"cat", "cd", "curl", "echo", "export", "git", "hf", "ls", "pip", "source", "unset"}
NOT_OURS |= {"kubectl", "model_signing", "npm", "openssl", "sbatch"}
OURS = ("scripts/", "benchmarks/", "tests/")

_FENCE = re.compile(r"^```(\w*)$\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- not executed: \S.* -->\n+\Z")
_ASSIGNMENT = re.compile(r"[A-Z_]+=")
_SEPARATORS = ("&&", "|", ";")
_REDIRECTIONS = (">", ">>", "<")


class Block(NamedTuple):
    """A fenced block: the document's name, the number of its first line, and what is in it."""

    document: str
    line: int
    language: str
    text: str
    executed: bool


def blocks_of(path: Path) -> list[Block]:
    text = path.read_text("utf-8")
    return [
        Block(
            path.name,
            text.count("\n", 0, found.start(2)) + 1,
            found[1],
            found[2],
            not _MARK.search(text, 0, found.start()),
        )
        for found in _FENCE.finditer(text)
    ]


def commands_of(block: Block) -> Iterator[list[str]]:
    """The words of each command, without assignments before it, redirections and comments."""
    prompt = "$ " if block.language == "console" else ""
    for line in block.text.replace("\\\n", " ").splitlines():
        if not line.startswith(prompt):
            continue
        words = shlex.split(line.removeprefix(prompt), comments=True)
        ends = [place for place, word in enumerate(words) if word in _SEPARATORS]
        for start, end in zip([0, *(place + 1 for place in ends)], [*ends, None], strict=True):
            command = list(dropwhile(_ASSIGNMENT.match, words[start:end]))
            if command:
                yield list(takewhile(lambda word: word not in _REDIRECTIONS, command))


BLOCKS = [block for path in DOCUMENTS for block in blocks_of(path)]
COMMANDS = [
    pytest.param(command, id=f"{block.document}:{block.line}:{' '.join(command)}")
    for block in BLOCKS
    if block.language in SHELLS
    for command in commands_of(block)
]


def check_command(command: list[str]) -> None:
    """Raises AssertionError for a command line that would be refused."""
    program, *words = command
    if program == "zoo":
        _check_zoo(words)
    elif program in ("python", "python3") and words[0].startswith(OURS):
        _check_script(words[0], words[1:])
    elif program == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
        assert {word for word in words if "=" not in word} <= set(targets)
    else:
        assert program in NOT_OURS, f"{program}: a program that this test does not know"


def _check_zoo(words: list[str]) -> None:
    command = get_command(app)
    while commands := getattr(command, "commands", {}):
        if words and words[0].startswith("-"):
            break
        assert words, "a command is missing"
        assert words[0] in commands, f"zoo has no command {words[0]}"
        command, words = commands[words[0]], words[1:]
    try:
        command.make_context(command.name, list(words))
    except Exception as error:
        if type(error).__name__ != "Exit":  # of --help and --version
            raise AssertionError(str(error)) from error


def _check_script(script: str, words: list[str]) -> None:
    source = (ROOT / script).read_text("utf-8")
    table = re.search(r"command\.find\((\w+), ", source)
    if table is None:
        _check_options(script, words)
        return
    from command import read

    recipes = getattr(importlib.import_module("recipes"), table[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [script, *words])
        try:
            options = read("")
        except SystemExit as stop:
            raise AssertionError(f"{script} refuses {shlex.join(words)}") from stop
    assert options.name in recipes, f"{script} has no recipe {options.name}"


def _check_options(script: str, words: list[str]) -> None:
    """Options that the script's own help does not name are wrong; a launcher's end at a script."""
    launched = next((at for at, word in enumerate(words) if word.endswith(".py")), None)
    if launched is not None:
        _check_script(words[launched], words[launched + 1 :])
        words = words[:launched]
    done = subprocess.run(
        [sys.executable, script, "--help"], cwd=ROOT, capture_output=True, text=True
    )
    if "gluon-zoo[train]" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    options = [word.partition("=")[0] for word in words if word.startswith("-")]
    assert set(options) <= set(re.findall(r"(?<!\S)--?[\w-]+", done.stdout))


@pytest.fixture
def reader(tmp_path: Path, zoo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of somebody who tries what is written; real data are at hand if there are any."""
    shutil.copytree(samples.digits()[0].parent, tmp_path / "zoo" / "samples")
    for picture in (*samples.digits(), *samples.garments()):
        shutil.copy(picture, tmp_path)
    shutil.copy(samples.digits()[7], tmp_path / "digit.png")
    (tmp_path / "rows.csv").write_text("-122.2, 37.9, 41, 880, 129, 322, 126, 8.3\n")
    monkeypatch.chdir(tmp_path)
    if DATA_MIRROR:
        monkeypatch.setenv("ZOO_DATA_MIRROR", DATA_MIRROR)
    else:
        monkeypatch.setenv("ZOO_OFFLINE", "1")
    return tmp_path


def run_python(block: Block, namespace: dict[str, Any]) -> None:
    """Errors show the document's own lines."""
    code = compile("\n" * (block.line - 1) + block.text, block.document, "exec")
    try:
        exec(code, namespace)
    except MissingDependencyError as error:
        pytest.skip(f"{block.document}:{block.line}: {error}")
    except OfflineError:
        if DATA_MIRROR:
            raise
        pytest.skip(f"{block.document}:{block.line}: real data needed: set ZOO_DATA_MIRROR")


def is_cheap(command: list[str]) -> bool:
    return command[0] == "zoo" and command[1] in CHEAP and "-" not in command


def run_command(command: list[str]) -> None:
    words = [found for word in command[1:] for found in sorted(glob.glob(word)) or [word]]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, f"{shlex.join(command)}: {result.output}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
@pytest.mark.usefixtures("reader")
def test_blocks_run(document: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks_of(document):
        if block.executed and block.language == "python":
            run_python(block, namespace)
        elif block.executed and block.language in SHELLS:
            for command in commands_of(block):
                if is_cheap(command):
                    run_command(command)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_lines_exist(command: list[str]) -> None:
    check_command(command)


@pytest.mark.parametrize(
    "line",
    [
        "zoo",
        "zoo lisst",
        "zoo list --colour",
        "zoo export lenet",
        "zoo cache clear",
        "zoo evaluate lenet --runtime torch",
        "python scripts/train_classifier.py lenet.mnist --epochs 3",
        "python scripts/train_classifier.py lstm_lm.wikitext2",
        "python scripts/draw_samples.py --size 3",
        "make everything",
        "zooo list",
    ],
)
def test_wrong_command_lines_are_found(line: str) -> None:
    with pytest.raises(AssertionError):
        check_command(shlex.split(line))


def test_blocks_say_their_language() -> None:
    wrong = [f"{one.document}:{one.line}" for one in BLOCKS if one.language not in LANGUAGES]
    assert wrong == []
    for path in DOCUMENTS:
        fences = len(re.findall(r"^ *```", path.read_text("utf-8"), re.MULTILINE))
        assert fences == 2 * len(blocks_of(path)), f"{path.name}: a block that is not read"


def test_blocks_and_commands_are_read(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(
        "```sh\nA=1 zoo list > names  # all\n```\n\n<!-- not executed: needs a day -->\n"
        "```console\n$ cat x | zoo info 'a b' && make \\\n  demo\nzoo is output\n```\n"
    )
    first, second = blocks_of(path)
    assert (first.line, first.executed, list(commands_of(first))) == (2, True, [["zoo", "list"]])
    expected = [["cat", "x"], ["zoo", "info", "a b"], ["make", "demo"]]
    assert (second.line, second.executed, list(commands_of(second))) == (7, False, expected)


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    text = _FENCE.sub("", path.read_text("utf-8"))
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", [*DOCUMENTS, ROOT / "CHANGELOG.md"], ids=lambda one: one.name)
def test_links_lead_somewhere(document: Path) -> None:
    text = _FENCE.sub("", document.read_text("utf-8"))
    for address in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", address):
            continue
        path, _, anchor = address.partition("#")
        target = (document.parent / path) if path else document
        assert target.exists(), f"{document.name}: {address} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{document.name}: no heading {address}"


def test_every_document_is_linked_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    missing = [path.name for path in DOCUMENTS[1:] if f"](docs/{path.name})" not in readme]
    assert missing == []
    assert len(readme.splitlines()) < 150
