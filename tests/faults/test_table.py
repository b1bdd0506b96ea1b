"""The table of docs/security.md names exactly the cases of this folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "security.md"


def test_the_table_names_exactly_the_cases() -> None:
    """scripts/fault_table.py was run after the last change of the cases"""
    try:
        page = PAGE.read_text("utf-8")
    except FileNotFoundError:
        pytest.skip("needs the documentation beside the tests")
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    folder = str(Path(__file__).parent)
    said = subprocess.run([*command, folder], capture_output=True, text=True, check=True).stdout
    cases = re.findall(r"^\S*test_(?!table)\w+\.py::test_(.+)$", said, re.MULTILINE)
    table = re.findall(
        r"^\| `([^|]*?)` \|", page.partition("<!-- fault table -->")[2], re.MULTILINE
    )
    assert sorted(table) == sorted(cases)
    assert f"**{len(cases)} of {len(cases)} cases as expected" in page
