"""Bring the tables in README.md and docs/models.md up to date with the manifest.

    python scripts/refresh_tables.py [--check]

With --check nothing is written, and the exit code is 1 where a table is stale.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from zoo import tables

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description="Bring the generated tables up to date.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if stale")
    if parser.parse_args().check:
        sys.exit("\n".join(tables.stale(ROOT)) or 0)
    for path in tables.refresh(ROOT):
        print(f"rewritten: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
