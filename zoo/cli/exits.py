"""How commands end: 0 done, 1 an error in one message, 2 a wrong command line, 130 Ctrl-C."""

from __future__ import annotations

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from zoo.cli import showing
from zoo.errors import ZooError

FAILED = 1
INTERRUPTED = 130


class ZooGroup(TyperGroup):
    """Commands whose expected errors are a message on standard error, never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except ZooError as error:
            _fail(str(error))
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            raise  # Typer leaves quietly
        except OSError as error:
            _drop_unwritten_output()
            named = f": {error.filename}" if error.filename else ""
            _fail(f"{error.strerror or error}{named}")


def _drop_unwritten_output() -> None:
    """What standard output could not take, Python would try to write again on its way out."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str) -> None:
    say(f"zoo: {message}")
    raise typer.Exit(FAILED) from None


def say(message: str) -> None:
    """A message to the person who runs the command."""
    typer.echo(showing.harmless(message), err=True)
