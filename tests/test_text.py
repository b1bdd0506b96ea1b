from __future__ import annotations

import hashlib
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data import load_dataset
from zoo.errors import DataError, InputError
from zoo.text import Vocabulary, continuation, corpus_tokens, detokenize, tokenize

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


@settings(deadline=None)
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


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("1990 \u2013 95 \u2013 96 win", "1990\u201395\u201396 win"),
        ("in 1990 \u2013 the year", "in 1990 \u2013 the year"),
        ("the year \u2013 1990", "the year \u2013 1990"),
        ("1 @,@ 000 \u2013 2 @,@ 000", "1,000\u20132,000"),
        ("1990 \u2013 <eos> 95", "1990 \u2013\n95"),
        ("1990 \u2013 , 95", "1990 \u2013, 95"),
        ("1990 \u2013", "1990 \u2013"),
        ("( 3 ) \u2013 4", "(3) \u2013 4"),
    ],
)
def test_a_dash_between_numbers_has_no_spaces(tokens, text):
    assert detokenize(tokens.split(), "word") == text


@pytest.mark.parametrize(
    ("prompt", "tokens", "added"),
    [
        ("In 2010 \u2013", "11 season", " 11 season"),
        ("In 2010", "\u2013 11 season", "\u201311 season"),
        ("In 2010 ", "\u2013 11 season", "\u2013 11 season"),
        ("In 2010 ", ", and", ", and"),
        ('He said "', 'Go ! " he', 'Go!" he'),
        ("a\n", "b", "b"),
        ("", "b", "b"),
    ],
)
def test_a_continuation_leaves_its_prompt_alone(prompt, tokens, added):
    assert "".join(continuation(prompt, tokens.split(), "word")) == added


def test_a_piece_comes_as_soon_as_it_is_settled():
    taken = []
    tokens = tokenize("He won the 2010 \u2013 the 2010\u201311 season.", "word")
    pieces = continuation("", (taken.append(one) or one for one in tokens), "word")
    seen = [(piece, len(taken)) for piece in pieces]
    assert seen == [
        ("He", 1),
        (" won", 2),
        (" the", 3),
        (" 2010", 4),
        (" \u2013 the", 6),
        (" 2010", 7),
        ("\u201311", 9),
        (" season", 10),
        (".", 11),
    ]
    assert list(continuation("x", "ab", "character")) == ["a", "b"]


def test_dashes_of_real_text(data_mirror):
    """The same as joining them in the finished text, where a section sign stood in for them."""
    data = load_dataset("wikitext2", progress=False)
    tokens = data.vocabulary.decode(data.test)
    joined = 0
    for at in np.random.default_rng(0).integers(0, len(tokens) - 100, 200):
        stretch = tokens[at : at + 100]
        marked = detokenize(["\u00a7" if one == "\u2013" else one for one in stretch], "word")
        expected = re.sub(r"(?<=\d) \u00a7 (?=\d)", "\u2013", marked)
        joined += expected != marked
        assert detokenize(stretch, "word") == expected.replace("\u00a7", "\u2013")
    assert joined > 5


def test_characters_are_tokens():
    assert tokenize("a\n b", "character") == ["a", "\n", " ", "b"]
    assert detokenize(["a", "\n", " ", "b"], "character") == "a\n b"


@pytest.mark.parametrize("function", [tokenize, detokenize])
def test_level_is_checked(function):
    with pytest.raises(ValueError, match="level is 'byte', must be one of word, character"):
        function("a", "byte")


@settings(deadline=None)
@given(st.text())
def test_any_text_can_be_tokenized_and_keeps_its_letters(text):
    tokens = tokenize(text, "word")
    assert all(token and not any(c.isspace() for c in token) for token in tokens)
    assert sum(map(str.isalnum, "".join(t for t in tokens if t != "<eos>"))) == sum(
        map(str.isalnum, text.replace("<eos>", ""))
    )
