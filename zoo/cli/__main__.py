"""`python -m zoo.cli`: the command line without its console script."""

from __future__ import annotations

from zoo.cli import main

if __name__ == "__main__":
    main()
