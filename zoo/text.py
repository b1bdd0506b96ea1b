"""Vocabularies and tokenization: between text, tokens and the numbers a language model takes.

Two levels. At the *word* level text looks as in WikiText (Merity et al., arXiv:1609.07843): tokens
between spaces, `@-@`, `@,@` and `@.@` for a hyphen, comma or point inside a word, and `<eos>` at
the end of every line. At the *character* level every character is a token.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.errors import DataError, InputError

END = "<eos>"
UNKNOWN = "<unk>"
LEVELS = ("word", "character")

_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", " ": "\\s"}
_PLAIN = {escape: plain for plain, escape in _ESCAPES.items()}


@dataclass(frozen=True)
class Vocabulary:
    """Distinct tokens in a fixed order; a token's number is its place.

    `unknown` is the token that stands for all tokens not in here; without one they are refused.
    """

    tokens: tuple[str, ...]
    unknown: str | None = None

    def __post_init__(self) -> None:
        if not self.tokens or "" in self.index:
            raise DataError("a vocabulary needs at least one token, and no token may be empty")
        if len(self.index) != len(self.tokens):
            twice = next(t for i, t in enumerate(self.tokens) if self.index[t] != i)
            raise DataError(f"the vocabulary holds {twice!r} twice; tokens must be distinct")
        if self.unknown is not None and self.unknown not in self.index:
            raise DataError(f"the vocabulary has no token {self.unknown!r} for unknown ones")

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self.index

    @cached_property
    def index(self) -> dict[str, int]:
        """Token to number."""
        return {token: number for number, token in enumerate(self.tokens)}

    @cached_property
    def digest(self) -> str:
        """The sha256 of `to_bytes()`."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def encode(self, tokens: Sequence[str]) -> NDArray[np.int32]:
        """The tokens' numbers, int32 (n,). Raises InputError for a token without a number."""
        other = -1 if self.unknown is None else self.index[self.unknown]
        numbers = map(self.index.get, tokens, repeat(other))
        ids = np.fromiter(numbers, np.int32, len(tokens))
        if other < 0 and len(ids) and ids.min() < 0:
            at = int(ids.argmin())
            raise InputError(
                f"token {tokens[at]!r} at position {at} is not one of the {len(self)} tokens of "
                "this vocabulary, and it has no token for unknown ones; leave it out"
            )
        return ids

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The tokens of these numbers. Raises InputError for a number out of range."""
        numbers = [int(number) for number in ids]
        for number in numbers:
            if not 0 <= number < len(self):
                raise InputError(f"token number {number} is not in 0..{len(self) - 1}")
        return [self.tokens[number] for number in numbers]

    def to_bytes(self) -> bytes:
        r"""UTF-8, one token per line in order; backslash, newline, return, tab and space are
        written as `\\`, `\n`, `\r`, `\t` and `\s`."""
        table = str.maketrans(_ESCAPES)
        return "".join(token.translate(table) + "\n" for token in self.tokens).encode()

    @classmethod
    def read(cls, source: Path | bytes, unknown: str | None = None) -> Vocabulary:
        """The reverse of `to_bytes`, from a file or its bytes.

        Raises DataError for a file that is not a vocabulary, with the number of the line.
        """
        text = _text(source)
        if not text.endswith("\n"):
            raise DataError("the vocabulary's last line is cut off; fetch the file again")
        lines = text[:-1].split("\n")
        return cls(tuple(_unescape(line, at) for at, line in enumerate(lines, 1)), unknown)


def _text(source: Path | bytes) -> str:
    try:
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
        return data.decode()
    except OSError as error:
        raise DataError(f"cannot read the vocabulary {source!s}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"the vocabulary is not UTF-8 at byte {error.start}") from error


def _unescape(line: str, at: int) -> str:
    def plain(match: re.Match[str]) -> str:
        if match[0] not in _PLAIN:
            raise DataError(f"line {at} of the vocabulary: {match[0]!r} is no escape")
        return _PLAIN[match[0]]

    if not line:
        raise DataError(f"line {at} of the vocabulary is empty; write one token per line")
    if any(character in line for character in "\r\t "):
        raise DataError(f"line {at} of the vocabulary holds white space that is not escaped")
    return re.sub(r"\\.?", plain, line) if "\\" in line else line


def corpus_tokens(text: str) -> list[str]:
    """A tokenized corpus as WikiText counts it: what stands between spaces, `<eos>` per line."""
    return text.replace("\n", f" {END} ").split()


def tokenize(text: str, level: str) -> list[str]:
    """A user's text as tokens; at the word level written as in WikiText, a line end as `<eos>`.

    >>> tokenize("Don't pay 1,000 for a well-known one.", "word")
    ['Don', "'t", 'pay', '1', '@,@', '000', 'for', 'a', 'well', '@-@', 'known', 'one', '.']
    """
    if _is_character(level):
        return list(text)
    first, *others = (_words(line) for line in text.split("\n"))
    return first + [token for words in others for token in (END, *words)]


def detokenize(tokens: Iterable[str], level: str) -> str:
    """Readable text from tokens: the way back from `tokenize`, up to spaces and quotes."""
    return "".join(continuation("", tokens, level))


def continuation(prompt: str, tokens: Iterable[str], level: str) -> Iterator[str]:
    """What the tokens add to a prompt, in pieces.

    A piece comes as soon as no later token can change it; the prompt itself is never changed.
    """
    if _is_character(level):
        yield from tokens
        return
    spacing = _Spacing()
    spacing.skip(prompt)
    for token in tokens:
        if piece := spacing.add(token):
            yield piece
    if rest := spacing.rest():
        yield rest


def _is_character(level: str) -> bool:
    if level not in LEVELS:
        raise ValueError(f"level is {level!r}, must be one of {', '.join(LEVELS)}")
    return level == "character"


_STRAIGHT = str.maketrans({"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"'})
_INSIDE = re.compile(r"(?<=[^\W_]|>)-(?=[^\W_]|<)|(?<=\d)[,.](?=\d)")
_TOKEN = re.compile(
    r"""<\w+>                                # <unk>
    | @[-,.]@                                # tokenized already
    | (?:[^\W\d_]\.){2,}                     # U.S., e.g.
    | (?:[A-Z]|Mrs?|Ms|Dr|Jr|Sr|St|Nos?|Lt|Col|Gen|Sgt|Rev|Op|vs|pp|Inc|Ltd|Bros|Co)\.(?=\s+\S)
    | '(?:s|t|re|ve|ll|m|d|S|T|RE|VE|LL|M|D)\b  # of a word before
    | (?<=\w)'\w+                            # O 'Brien
    | \w+(?:\.\w+)*                          # a word, About.com
    | \.{2,}
    | \S""",
    re.VERBOSE,
)


def _words(line: str) -> list[str]:
    return _TOKEN.findall(_INSIDE.sub(r" @\g<0>@ ", line.translate(_STRAIGHT)))


_INFIX = {"@-@": "-", "@,@": ",", "@.@": ".", "/": "/"}
_SUFFIX = frozenset({",", ".", ";", ":", "!", "?", ")", "]", "%", "..", "...", "°"})
_PREFIX = frozenset({"(", "[", "$", "£", "€", "¥", "#"})
_RANGE = "\u2013"


class _Spacing:
    """Decides, word by word, where the spaces of a text go.

    A dash after a number waits for the word that follows: between numbers it has no spaces.
    """

    def __init__(self) -> None:
        self._space = self._before = self._waiting = ""
        self._open_quotes: set[str] = set()

    def skip(self, text: str) -> None:
        """Go to the end of a text that is there already."""
        for token in tokenize(text, "word"):
            self.add(token)
        self.rest()
        if text.endswith(" "):
            self._space = ""

    def add(self, token: str) -> str:
        """What can be written now that this token is known."""
        if token == END:
            return self._end_line()
        if token == _RANGE and self._space and self._before[-1:].isdecimal():
            self._waiting = self._before = token
            return ""
        waiting = self.rest()
        if waiting and token[0].isdecimal():
            waiting, self._space = _RANGE, ""
        return waiting + self._spaced(token)

    def rest(self) -> str:
        """What still waits, as it is written where no number follows."""
        waiting, self._waiting = self._waiting, ""
        return waiting and " " + waiting

    def _end_line(self) -> str:
        line_end = self.rest() + "\n"
        self._space = self._before = ""
        self._open_quotes.clear()
        return line_end

    def _spaced(self, word: str) -> str:
        closes = word in self._open_quotes
        opens = not closes and (word == '"' or (word == "'" and self._apostrophe_opens()))
        self._open_quotes ^= {word} if opens or closes else set()
        suffix = word in _SUFFIX or closes or (word[0] == "'" and not opens)
        piece = ("" if suffix or word in _INFIX else self._space) + _INFIX.get(word, word)
        self._space = "" if opens or word in _PREFIX or word in _INFIX else " "
        self._before = word
        return piece

    def _apostrophe_opens(self) -> bool:
        """Whether a lone apostrophe begins a quotation here, and does not end `players '`."""
        return not self._before.endswith("s")
