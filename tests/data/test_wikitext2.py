from __future__ import annotations

import difflib

import numpy as np
import pytest

from zoo.data.wikitext2 import words
from zoo.errors import DataError
from zoo.text import detokenize, tokenize


def test_the_published_streams(dataset):
    data = dataset("wikitext2")
    streams = (data.train, data.validation, data.test)
    assert [len(stream) for stream in streams] == [2_088_628, 217_646, 245_569]
    assert [int((stream == 0).sum()) for stream in streams] == [36_718, 3_760, 4_358]
    assert all(stream.dtype == np.int32 and not stream.flags.writeable for stream in streams)
    assert len(data.vocabulary) == 33_278
    assert (data.vocabulary.unknown, data.level) == ("<unk>", "word")


def test_numbers_are_in_order_of_first_appearance(dataset):
    data = dataset("wikitext2")
    assert data.vocabulary.decode(data.train[:6]) == [
        "<eos>",
        "=",
        "Valkyria",
        "Chronicles",
        "III",
        "=",
    ]
    everything = np.concatenate([data.train, data.validation, data.test])
    _, first = np.unique(everything, return_index=True)
    assert len(first) == 33_278
    assert (np.diff(first) > 0).all()


def test_the_vocabulary_never_changes(dataset):
    digest = "1b0eab4e82645b90aaca42b5d0732b7fe7ca0366abe19fe38f227ec32ee49969"
    assert dataset("wikitext2").vocabulary.digest == digest


def test_readable_text_is_tokenized_as_the_authors_did(dataset):
    data = dataset("wikitext2")
    tokens = data.vocabulary.decode(data.validation[:50_000])
    lines = detokenize(tokens, "word").split("\n")
    same = total = 0
    for line, theirs in zip(lines, _lines(tokens), strict=True):
        matcher = difflib.SequenceMatcher(None, theirs, tokenize(line, "word"), autojunk=False)
        same += sum(block.size for block in matcher.get_matching_blocks())
        total += len(theirs)
    assert same / total > 0.998


def _lines(tokens):
    lines = [[]]
    for token in tokens:
        if token == "<eos>":
            lines.append([])
        else:
            lines[-1].append(token)
    return lines


def test_words_refuses_other_files():
    with pytest.raises(DataError, match="x is not UTF-8 at byte 2"):
        words(b"a \xff <unk>\n", "x")
    with pytest.raises(DataError, match="x has no <unk>"):
        words(b" = Title = \n", "x")
