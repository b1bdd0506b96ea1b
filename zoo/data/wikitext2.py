"""WikiText-2: good and featured articles of the English Wikipedia, 2.6 million words."""

from __future__ import annotations

from zoo.data.dataset import About, Read, TextDataset
from zoo.data.files import data_file, digests
from zoo.errors import DataError
from zoo.manifest import Artifact
from zoo.text import UNKNOWN, Vocabulary, corpus_tokens

ABOUT = About(
    name="wikitext2",
    task="language-modeling",
    description=(
        "Good and featured Wikipedia articles, tokenized by the authors at the word level; words "
        "seen fewer than three times in the training text are <unk>."
    ),
    splits=(
        "the authors' own: 2,088,628, 217,646 and 245,569 tokens with one <eos> per line. The "
        "33,278 tokens are numbered as they first appear in train, validation, test."
    ),
    homepage="https://arxiv.org/abs/1609.07843",
    licence="CC BY-SA 3.0 and GFDL (Wikipedia text)",
    citation=(
        "S. Merity, C. Xiong, J. Bradbury, R. Socher. Pointer Sentinel Mixture Models. "
        "arXiv:1609.07843, 2016."
    ),
)

_PYTORCH = (
    "https://raw.githubusercontent.com/pytorch/examples"
    "/77f55b912142e11fcfdf5b530231fb9c52f181e8/word_language_model/data/wikitext-2"
)
_DMLC = (
    "https://raw.githubusercontent.com/dmlc/web-data"
    "/0818ee5787b3824f1bca2f4bd98ef6abe689f7db/mxnet/wikitext-2"
)


def _file(name: str, size: int, sha256: str) -> Artifact:
    sources = (f"{_PYTORCH}/{name}.txt", f"{_DMLC}/wikitext-2.{name}.txt")
    return data_file(f"wikitext-2/wiki.{name}.tokens", size, sha256, *sources)


FILES = (
    _file("train", 10797148, "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f"),
    _file("valid", 1121681, "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8"),
    _file("test", 1256449, "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0"),
)


def load(read: Read) -> TextDataset:
    """Three streams of word numbers."""
    train, validation, test = (words(read(file), file.file) for file in FILES)
    vocabulary = Vocabulary(tuple(dict.fromkeys(train + validation + test)), UNKNOWN)
    return TextDataset(
        ABOUT,
        train=vocabulary.encode(train),
        validation=vocabulary.encode(validation),
        test=vocabulary.encode(test),
        vocabulary=vocabulary,
        level="word",
        digests=digests(FILES),
    )


def words(data: bytes, file: str) -> list[str]:
    """The tokens of one file. Raises DataError where it is not WikiText with <unk>."""
    try:
        tokens = corpus_tokens(data.decode())
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8 at byte {error.start}") from error
    if UNKNOWN not in tokens:
        raise DataError(f"{file} has no {UNKNOWN}: it is not the word-level WikiText")
    return tokens
