"""The command line as a whole: help, exit codes, errors, pipes, interrupts, completion."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from command_line import Run, command, environment, finished, refusal

import zoo
from zoo.cli import app
from zoo.cli.arguments import Runtime, Task, complete_kind, complete_name
from zoo.manifest import get_weights
from zoo.runtimes import RUNTIMES

pytest_plugins = ["hubs", "cli_hub"]

COMMANDS = (
    "list",
    "info",
    "predict",
    "generate",
    "evaluate",
    "fetch",
    "verify",
    "sign",
    "export",
    "quantize",
    "import-params",
    "publish",
    "mirror",
    "push",
    "gallery",
    "reproduce",
    "demo",
)
CACHE_COMMANDS = ("path", "list", "verify", "prune")


def test_help_names_every_command(run: Run) -> None:
    result = run("--help")
    assert result.exit_code == 0
    listed = [line.split()[1] for line in result.stdout.splitlines() if line.startswith("│ ")]
    assert [one for one in listed if one in COMMANDS] == list(COMMANDS)
    assert "zoo demo" in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_with_examples(name: str, run: Run) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"Usage: zoo {name}" in result.stdout
    if name != "demo":
        assert f"\n   zoo {name} " in result.stdout or f"| zoo {name} " in result.stdout


@pytest.mark.parametrize("name", CACHE_COMMANDS)
def test_each_cache_command_has_help(name: str, run: Run) -> None:
    result = run("cache", name, "-h")
    assert result.exit_code == 0
    assert f"Usage: zoo cache {name}" in result.stdout


def test_no_command_is_forgotten() -> None:
    names = {one.name for one in app.registered_commands}
    assert names == set(COMMANDS)


def test_version(run: Run) -> None:
    assert run("--version").stdout == f"zoo {zoo.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["--nothing"],
        ["info"],
        ["fetch"],
        ["fetch", "lenet", "--all"],
        ["evaluate"],
        ["evaluate", "lenet", "--runtime", "torch"],
        ["list", "--task", "chess"],
        ["predict", "lenet"],
        ["predict", "lenet", "a.png", "--top", "0"],
        ["predict", "lenet", "a.png", "--topp", "3"],
        ["generate", "lstm_lm", "--length", "many"],
        ["export", "lenet"],
        ["cache"],
    ],
)
@pytest.mark.usefixtures("embedded")
def test_a_wrong_command_line_exits_with_2(arguments: list[str], run: Run) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == "" or arguments == ["cache"]
    assert "Usage: zoo" in result.output
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("embedded")
def test_an_unknown_name_is_one_line_with_a_suggestion(run: Run) -> None:
    assert refusal(run("info", "lennet")) == (
        "No published weights 'lennet'. Did you mean 'lenet.tiny'?"
    )


@pytest.mark.parametrize("name", ["info", "predict", "generate", "evaluate", "fetch", "export"])
@pytest.mark.usefixtures("embedded")
def test_every_command_refuses_an_unknown_name(name: str, run: Run, tmp_path: Path) -> None:
    more = {"predict": ["a.png"], "export": [tmp_path / "a.onnx"]}.get(name, [])
    assert "No published weights 'resnet'" in refusal(run(name, "resnet", *more))


def test_a_damaged_manifest_is_one_line(embedded: Path, run: Run) -> None:
    (embedded / "weights_manifest.json").write_text("{")
    assert "not a manifest in strict JSON" in refusal(run("list"))


def test_the_choices_are_those_of_the_package() -> None:
    assert tuple(one.value for one in Runtime) == RUNTIMES
    schema = json.loads((Path(zoo.__file__).parent / "weights_manifest.schema.json").read_text())
    assert [one.value for one in Task] == schema["$defs"]["record"]["properties"]["task"]["enum"]


@pytest.mark.usefixtures("embedded")
def test_names_are_completed() -> None:
    assert complete_name("le") == ["lenet", "lenet.tiny"]
    assert complete_name("lstm_lm.tiny-w") == ["lstm_lm.tiny-words"]
    assert complete_kind("") == ["safetensors", "onnx-graph", "vocabulary"]
    assert complete_kind("o") == ["onnx-graph"]


def test_completion_without_a_manifest_offers_nothing(embedded: Path) -> None:
    (embedded / "weights_manifest.json").unlink()
    assert complete_name("le") == complete_kind("") == []


def test_the_shell_gets_completions(installation: Path) -> None:
    words = {"_ZOO_COMPLETE": "complete_bash", "COMP_WORDS": "zoo info lenet.", "COMP_CWORD": "2"}
    assert finished(installation, **words).stdout.split() == ["lenet.tiny"]


def test_help_needs_nothing_heavy() -> None:
    code = (
        "import sys, zoo.cli\n"
        "heavy = {'mxnet', 'onnx', 'onnxruntime', 'numpy', 'PIL', 'requests', 'rich.progress'}\n"
        "print(*heavy & set(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(Path(zoo.__file__).parent.parent),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("\n", "")


def test_the_console_script_is_declared() -> None:
    project = Path(zoo.__file__).parent.parent / "pyproject.toml"
    if not project.is_file():
        pytest.skip("not a checkout")
    assert '\n[project.scripts]\nzoo = "zoo.cli:main"\n' in project.read_text("utf-8")


def test_the_installed_console_script() -> None:
    script = shutil.which("zoo", path=sysconfig.get_path("scripts"))
    if script is None:
        pytest.skip("the package is not installed in this environment")
    ended = subprocess.run([script, "--version"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, f"zoo {zoo.__version__}\n")


@pytest.mark.parametrize("module", [False, True])
def test_as_a_process(module: bool, installation: Path) -> None:
    ended = finished(installation, "list", "lenet", "--json", module=module)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [one["name"] for one in json.loads(ended.stdout)] == ["lenet.tiny"]


@pytest.mark.parametrize("module", [False, True])
def test_errors_of_a_process(module: bool, installation: Path) -> None:
    ended = finished(installation, "info", "lennet", module=module)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "zoo: No published weights 'lennet'. Did you mean 'lenet.tiny'?\n"
    ended = finished(installation, "info", module=module)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Usage: zoo info" in ended.stderr


def test_a_closed_pipe_is_quiet(installation: Path) -> None:
    writer = subprocess.Popen(
        command("generate", "lstm_lm.tiny-characters", "--length", 500, "--temperature", 1),
        cwd=installation,
        env=environment(installation),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert writer.stdout is not None
    assert writer.stderr is not None
    writer.stdout.close()
    assert writer.stderr.read() == b""
    assert writer.wait(60) == 1
    writer.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_full_disk_is_one_line(installation: Path, buffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            command("list"),
            cwd=installation,
            env=environment(installation) | {"PYTHONUNBUFFERED": buffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.stderr == "zoo: No space left on device\n"
    assert ended.returncode == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_an_interrupt_is_quiet_and_exits_with_130(installation: Path) -> None:
    endless = command("generate", "lstm_lm.tiny-characters", "--length", 10**7, "--temperature", 1)
    with subprocess.Popen(
        endless,
        cwd=installation,
        env=environment(installation),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.stderr.read() == b""
        assert process.wait(60) == 130


def test_another_encoding_gets_other_characters(installation: Path) -> None:
    picture = installation / "zoo" / "samples" / "digit_3.png"
    ended = finished(
        installation, "predict", "lenet", picture, PYTHONIOENCODING="ascii", PYTHONUTF8="0"
    )
    assert ended.returncode == 0
    assert "##" in ended.stdout
    assert ended.stdout.isascii()


def test_every_command_is_documented() -> None:
    page = Path(zoo.__file__).parent.parent / "docs" / "command-line.md"
    if not page.is_file():
        pytest.skip("not a checkout")
    shown = re.findall(r"^\$ (?:.* \| )?zoo ([\w-]+) ?(\w*)", page.read_text("utf-8"), re.MULTILINE)
    assert {command for command, _ in shown} == {*COMMANDS, "cache"}
    assert {second for command, second in shown if command == "cache"} == set(CACHE_COMMANDS)


def test_what_is_really_published(published: object, run: Run) -> None:
    names = [one["name"] for one in json.loads(run("list", "--json").stdout)]
    assert names
    for name in names:
        shown = json.loads(run("info", name, "--json").stdout)
        assert shown == {"name": name, **get_weights(name).to_json()}
