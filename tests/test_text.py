from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import DataError, InputError
from zoo.text import Vocabulary, corpus_tokens, detokenize, tokenize

WORDS = Vocabulary(("<eos>", "the", "<unk>", "cat"), "<unk>")
CHARACTERS = Vocabulary(tuple("\n abc\\"))
TOKENS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, unique=True
)


def test_encode_and_decode():
    ids = WORDS.encode(["the", "cat", "<eos>"])
    assert ids.dtype == np.int32
    assert ids.tolist() == [1, 3, 0]
    assert WORDS.decode(ids) == ["the", "cat", "<eos>"]
    assert len(WORDS) == 4
    assert "cat" in WORDS
    assert "dog" not in WORDS


def test_encode_takes_an_unknown_token_for_the_unknown_one():
    assert WORDS.encode(["dog", "the"]).tolist() == [2, 1]


def test_encode_names_the_token_that_it_refuses():
    with pytest.raises(InputError, match=r"'x' at position 2 is not one of the 6 tokens"):
        CHARACTERS.encode(list("abxc"))


def test_encode_of_nothing():
    assert CHARACTERS.encode([]).shape == (0,)


@pytest.mark.parametrize("number", [-1, 4])
def test_decode_refuses_numbers_out_of_range(number):
    with pytest.raises(InputError, match=rf"token number {number} is not in 0\.\.3"):
        WORDS.decode([0, number])


def test_file_has_one_escaped_token_per_line():
    assert CHARACTERS.to_bytes() == b"\\n\n\\s\na\nb\nc\n\\\\\n"
    assert CHARACTERS.digest == hashlib.sha256(CHARACTERS.to_bytes()).hexdigest()


def test_read_from_a_file(tmp_path):
    path = tmp_path / "vocabulary.txt"
    path.write_bytes(WORDS.to_bytes())
    assert Vocabulary.read(path, "<unk>") == WORDS
    with pytest.raises(DataError, match=r"cannot read the vocabulary .*absent"):
        Vocabulary.read(tmp_path / "absent.txt")


@given(TOKENS)
def test_every_vocabulary_survives_its_file(tokens):
    vocabulary = Vocabulary(tuple(tokens))
    assert Vocabulary.read(vocabulary.to_bytes()) == vocabulary
    assert vocabulary.to_bytes().count(b"\n") == len(tokens)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "last line is cut off"),
        (b"a\nb", "last line is cut off"),
        (b"a\n\nb\n", "line 2 of the vocabulary is empty"),
        (b"a\nb\na\n", "'a' twice"),
        (b"a\nb c\n", "line 2 .* white space"),
        (b"a\r\nb\r\n", "line 1 .* white space"),
        (b"a\n\\x\n", r"line 2 .*x' is no escape"),
        (b"a\n\\\n", "line 2 .* is no escape"),
        (b"a\n\xff\n", "not UTF-8 at byte 2"),
    ],
)
def test_read_refuses_damaged_files(data, message):
    with pytest.raises(DataError, match=message):
        Vocabulary.read(data)


def test_a_vocabulary_needs_its_unknown_token_and_distinct_ones():
    with pytest.raises(DataError, match="no token '<unk>'"):
        Vocabulary(("a", "b"), "<unk>")
    with pytest.raises(DataError, match="'a' twice"):
        Vocabulary(("a", "b", "a"))
    with pytest.raises(DataError, match="at least one"):
        Vocabulary(())
    with pytest.raises(DataError, match="may be empty"):
        Vocabulary(("a", ""))


def test_corpus_tokens_ends_every_line():
    tokens = corpus_tokens(" = A = \n \n b c \n")
    assert " ".join(tokens) == "= A = <eos> <eos> b c <eos>"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The cat sat.", "The cat sat ."),
        ("a well-known role-playing game", "a well @-@ known role @-@ playing game"),
        ("1,234,567 people, 3.5 each", "1 @,@ 234 @,@ 567 people , 3 @.@ 5 each"),
        ("the game's score isn't", "the game 's score isn 't"),
        ('He said: "Go!" (twice)', 'He said : " Go ! " ( twice )'),
        ("\u201cIt\u2019s\u201d", '" It \'s "'),
        ("the U.S. Army and Mr. J. Doe", "the U.S. Army and Mr. J. Doe"),
        ("I said no. Then", "I said no . Then"),
        ("O'Brien's players' wins", "O 'Brien 's players ' wins"),
        ("About.com and/or $5, 20%...", "About.com and / or $ 5 , 20 % ..."),
        ("an <unk>-like <unk>", "an <unk> @-@ like <unk>"),
        ("already @-@ split , it 's 1 @,@ 000 .", "already @-@ split , it 's 1 @,@ 000 ."),
        ("= Title =\n\nText", "= Title = <eos> <eos> Text"),
        ("end\n", "end <eos>"),
        ("戦場のヴァルキュリア3, Senjō", "戦場のヴァルキュリア3 , Senjō"),
        ("", ""),
    ],
)
def test_words_are_split_as_in_wikitext(text, tokens):
    assert tokenize(text, "word") == tokens.split()


@pytest.mark.parametrize(
    "text",
    [
        "The cat's well-known (1,234 fans); it's 3.5 m long, isn't it?",
        'He said: "Go!", and "stay" [sic].',
        "It cost $5 and/or 20% of 1990\u201395.",
        "the players' wins in the U.S. Army",
        "They call it 'the end' there.",
        "O'Brien's <unk>-like\n\n= Title =\n",
        "",
    ],
)
def test_detokenize_gives_the_text_back(text):
    assert detokenize(tokenize(text, "word"), "word") == text


def test_characters_are_tokens():
    assert tokenize("a\n b", "character") == ["a", "\n", " ", "b"]
    assert detokenize(["a", "\n", " ", "b"], "character") == "a\n b"


@pytest.mark.parametrize("function", [tokenize, detokenize])
def test_level_is_checked(function):
    with pytest.raises(ValueError, match="level is 'byte', must be one of word, character"):
        function("a", "byte")


@given(st.text())
def test_any_text_can_be_tokenized_and_keeps_its_letters(text):
    tokens = tokenize(text, "word")
    assert all(token and not any(c.isspace() for c in token) for token in tokens)
    assert sum(map(str.isalnum, "".join(t for t in tokens if t != "<eos>"))) == sum(
        map(str.isalnum, text.replace("<eos>", ""))
    )
