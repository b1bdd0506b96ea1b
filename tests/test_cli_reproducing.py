"""`zoo reproduce` hands over to the checkout's script, and says what to do where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Run, refusal

import zoo

pytest_plugins = ["cli_hub"]


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """zoo as if it were installed in a folder of its own, without a checkout around it."""
    monkeypatch.setattr(zoo, "__file__", str(tmp_path / "zoo" / "__init__.py"))
    return tmp_path


def test_an_installed_package_says_what_to_do(run: Run, installation: Path) -> None:
    message = refusal(run("reproduce", "lenet.mnist"))
    assert f"clone its repository at the tag v{zoo.__version__}" in message


def test_an_unknown_record_is_refused_first(run: Run, installation: Path) -> None:
    assert "Did you mean 'lenet" in refusal(run("reproduce", "lenet.minst"))


def test_the_scripts_answer_is_the_commands(
    run: Run, installation: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (installation / "scripts").mkdir()
    script = installation / "scripts" / "reproduce.py"
    script.write_text("import sys; print(sys.argv[1:]); sys.exit(int('--anyway' in sys.argv))")
    assert run("reproduce", "lenet.mnist", "--epochs", "1").exit_code == 0
    assert run("reproduce", "lenet.mnist", "--anyway", "--out", "here").exit_code == 1
    said = capfd.readouterr().out.splitlines()
    assert said == [
        "['lenet.mnist', '--epochs', '1']",
        "['lenet.mnist', '--anyway', '--out', 'here']",
    ]


def test_no_epochs_is_a_wrong_command_line(run: Run) -> None:
    assert run("reproduce", "lenet.mnist", "--epochs", "0").exit_code == 2
