"""`zoo generate`: a language model continues a text."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from typing import Annotated

import typer

from zoo.cli import showing
from zoo.cli.arguments import Json, Name, OneRuntime, Runtime, read_text


def generate(
    name: Name,
    prompt: Annotated[
        str,
        typer.Argument(metavar="PROMPT", help="The text to continue; - reads standard input."),
    ] = "",
    length: Annotated[
        int, typer.Option("--length", metavar="N", min=0, help="Tokens to add.")
    ] = 100,
    temperature: Annotated[
        float,
        typer.Option(
            "--temperature", metavar="T", min=0, help="0 takes the likeliest token each time."
        ),
    ] = 0.0,
    top_k: Annotated[
        int | None,
        typer.Option("--top-k", metavar="K", min=1, help="Sample from the K likeliest tokens."),
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(
            "--top-p",
            metavar="P",
            min=0,
            max=1,
            help="Sample from the likeliest tokens of this total share.",
        ),
    ] = None,
    beam: Annotated[
        int,
        typer.Option(
            "--beam",
            metavar="N",
            min=1,
            max=1000,
            help="Keep this many sentences, and take the likeliest.",
        ),
    ] = 1,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Of what is sampled.")
    ] = 0,
    runtime: OneRuntime = Runtime.onnx,
    json: Json = False,
) -> None:
    """Continue a text with a language model, token by token.

    The same seed gives the same text.

    \b
    Examples:
      zoo generate lstm_lm.wikitext2 "The game was" --temperature 0.8 --top-k 40
      zoo generate lstm_lm.shakespeare "ROMEO:" --temperature 0.7 --seed 3
      zoo generate lstm_lm "The king" --beam 5 --length 30
    """
    from zoo.errors import InputError
    from zoo.lookup import get_weights
    from zoo.pipelines import TextGenerator, pipeline

    weights = get_weights(name)
    text = read_text().removesuffix("\n").removesuffix("\r") if prompt == "-" else prompt
    options = {
        "length": length,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "beam": beam,
        "seed": seed,
    }
    generator = pipeline(weights, runtime.value)
    if not isinstance(generator, TextGenerator):
        raise InputError(f"{weights.name} does not write text: use zoo predict {name}.")
    if json:
        result = generator(text, **options)
        fields = {**vars(result), "tokens": list(result.tokens), "options": options}
        showing.print_json({"name": weights.name, "runtime": runtime.value, **fields})
    else:
        _stream(text, generator.stream(text, **options))


def _stream(prompt: str, pieces: Iterator[str]) -> None:
    """The prompt appears with the first piece, after whatever can go wrong."""
    for piece in chain([prompt + next(pieces, "")], pieces):
        sys.stdout.write(showing.harmless(piece))
        sys.stdout.flush()
    sys.stdout.write("\n")
