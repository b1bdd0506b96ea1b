"""What another library says when it refuses, in one line."""

from __future__ import annotations


def in_one_line(error: Exception) -> str:
    """The last line that says something: MXNet and onnx put stacks and contexts around it."""
    text = str(error).split("Stack trace")[0]
    lines = [one.strip() for one in text.splitlines() if one.strip()]
    told = [one for one in lines if not one.startswith("==>")] or [repr(error)]
    return f"{told[-1].rstrip(' .:')}."
