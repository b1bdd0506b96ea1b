"""The table of fault cases in docs/security.md, made from a run of tests/faults.

python -m pytest tests/faults --numprocesses 2 --junit-xml build/faults.xml
python scripts/fault_table.py build/faults.xml
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from zoo.atomic import write_atomically
from zoo.tables import put_between

PAGE = Path(__file__).parent.parent / "docs" / "security.md"
START, END = "<!-- fault table -->", "<!-- end of fault table -->"
TITLES = {
    "test_network_refusals": "Network: answers that must not pass",
    "test_network_recoveries": "Network: answers to get over",
    "test_network_nginx": "Network: an honest server, and TLS",
    "test_network_secrets": "Network: secrets",
    "test_network_surroundings": "Network: names, proxies, interruptions",
    "test_cache_processes": "Cache: many at once, killed, stopped",
    "test_cache_disk": "Cache: disk and folder",
    "test_manifests": "Manifest",
    "test_weights": "Weights",
    "test_params_files": "Weights: MXNet's own files",
    "test_onnx_files": "ONNX files",
    "test_exports": "Files that commands write",
    "test_trainings": "Checkpoints and training",
    "test_fuzz": "Parsers, at random",
    "test_soak": "Everything at once, at random",
}


@dataclass(frozen=True)
class Row:
    """One case of the run."""

    room: str
    name: str
    expected: str
    seen: str
    outcome: str


def read_report(path: Path) -> list[Row]:
    """The cases of a JUnit report, in order of rooms and names."""
    found = [_row(one) for one in ElementTree.parse(path).iter("testcase")]
    rows = [row for row in found if row.room in TITLES]
    order = list(TITLES)
    return sorted(rows, key=lambda row: (order.index(row.room), row.name))


def render(rows: list[Row]) -> str:
    """The tables in Markdown, a section for each file of tests, and the count above them."""
    passed = sum(row.outcome == "passed" for row in rows)
    skipped = sum(row.outcome == "skipped" for row in rows)
    end = f"; {skipped} skipped where this was made" if skipped else ""
    lines = [f"**{passed} of {len(rows)} cases as expected{end}.**"]
    for room, title in TITLES.items():
        lines += ["", f"### {title}", "", "| case | expected | seen |", "| --- | --- | --- |"]
        lines += [
            f"| `{row.name}` | {row.expected} | {row.seen} |" for row in rows if row.room == room
        ]
    return "\n".join(lines)


def _row(case: ElementTree.Element) -> Row:
    properties = {one.get("name"): one.get("value", "") for one in case.iter("property")}
    outcome = next(
        (one.tag for one in case if one.tag in ("failure", "error", "skipped")), "passed"
    )
    seen = properties.get("seen", "") if outcome == "passed" else outcome
    name = case.get("name", "").removeprefix("test_")
    expected = _cell(properties.get("expected", ""))
    return Row(case.get("classname", "").split(".")[-1], name, expected, _cell(seen), outcome)


def _cell(text: str) -> str:
    """The text on one line of a table, without what differs from run to run."""
    plain = re.sub(rf"{re.escape(tempfile.gettempdir())}[^\s:;,]*", "<folder>", text)
    plain = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1", " ".join(plain.split()))
    plain = plain.encode("ascii", "backslashreplace").decode()
    return (
        plain.replace("|", "\\|").replace("<", "&lt;").replace("`", "'").replace("*", "\\*")[:160]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("report", type=Path, help="the JUnit report of tests/faults")
    rows = read_report(parser.parse_args().report)
    failed = [row.name for row in rows if row.outcome not in ("passed", "skipped")]
    if failed:
        sys.exit(f"Nothing is written: {len(failed)} of {len(rows)} failed, first {failed[0]}.")
    page = put_between(PAGE.read_text("utf-8"), START, END, render(rows))
    if page is None:
        sys.exit(f"{PAGE} has not one line {START} and one {END}: add them.")
    write_atomically(PAGE, page.encode())
    print(render(rows).splitlines()[0])


if __name__ == "__main__":
    main()
