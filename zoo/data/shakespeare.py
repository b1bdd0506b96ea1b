"""Tiny Shakespeare: a million characters of his plays in one file."""

from __future__ import annotations

from zoo.data.dataset import About, Read, TextDataset
from zoo.data.files import data_file, digests
from zoo.errors import DataError
from zoo.text import Vocabulary

ABOUT = About(
    name="shakespeare",
    task="language-modeling",
    description="1,115,394 characters of Shakespeare's plays, 65 distinct ones.",
    splits=(
        "in the order of the text: train the first eight tenths, validation the ninth, test the "
        "last (cut at n*8//10 and n*9//10: 892,315, 111,539 and 111,540 characters). The "
        "characters are numbered in the order of their code points, over the whole text."
    ),
    homepage="https://github.com/karpathy/char-rnn",
    licence="public domain",
    citation=(
        "W. Shakespeare, as collected in: A. Karpathy. The Unreasonable Effectiveness of "
        "Recurrent Neural Networks, 2015."
    ),
)

FILES = (
    data_file(
        "tinyshakespeare/input.txt",
        1115394,
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        "https://raw.githubusercontent.com/karpathy/char-rnn"
        "/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt",
        "https://raw.githubusercontent.com/dmlc/web-data"
        "/0818ee5787b3824f1bca2f4bd98ef6abe689f7db/mxnet/tinyshakespeare/input.txt",
    ),
)


def load(read: Read) -> TextDataset:
    """Three streams of character numbers."""
    text = _text(read(FILES[0]), FILES[0].file)
    vocabulary = Vocabulary(tuple(sorted(set(text))))
    ids = vocabulary.encode(text)
    first, second = len(ids) * 8 // 10, len(ids) * 9 // 10
    return TextDataset(
        ABOUT,
        train=ids[:first],
        validation=ids[first:second],
        test=ids[second:],
        vocabulary=vocabulary,
        level="character",
        digests=digests(FILES),
    )


def _text(data: bytes, file: str) -> str:
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not ASCII at byte {error.start}") from error
    if not text:
        raise DataError(f"{file} is empty")
    return text
