"""Inputs that are tokens: typed as text or as numbers, made to fit, and heard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import weightdesk as wd
from weightdesk.errors import OptionError
from weightdesk.server.questions.heard import HeardQuestion
from weightdesk.server.questions.overview import OverviewQuestion
from weightdesk.server.questions.tokens import Tokens, TokensQuestion
from weightdesk.server.questions.verdicts import VerdictsQuestion
from weightdesk.server.session import Session
from weightdesk.server.subject import Subject
from weightdesk.training import Recipe, train

LENGTH = 6
LETTERS = ("a", "b", "c", " ", "ab", "abc", "\n", "é")
WORDS = ("<pad>", "new", "york", "newyork", "is", "big")


class Recurrent(nn.Module):
    """Says after each token which is next; takes up to so many."""

    def __init__(self, tokens: int, most: int = LENGTH) -> None:
        super().__init__()
        self.embedding, self.most = nn.Embedding(tokens, 5), most
        self.cell, self.output = nn.GRU(5, 7, batch_first=True), nn.Linear(7, tokens)

    def forward(self, given: Tensor) -> Tensor:
        assert given.shape[1] <= self.most
        answer: Tensor = self.output(self.cell(self.embedding(given))[0])
        return answer


class Rigid(nn.Sequential):
    """Takes just so many tokens."""

    def __init__(self, tokens: int) -> None:
        super().__init__(nn.Embedding(tokens, 3), nn.Flatten(), nn.Linear(3 * LENGTH, 2))


def session(path: Path, model: nn.Module, count: int, **about: Any) -> Session:
    """The desk of a run of such a network, of four random examples."""
    with wd.watch(model, torch.optim.SGD(model.parameters(), lr=0.1), path / "run"):
        pass
    given = torch.randint(0, count, (4, LENGTH), generator=torch.Generator().manual_seed(0))
    return Session(wd.open_run(path / "run"), Subject.given(model, given, **about))


def typed(desk: Session, text: str) -> Tokens:
    return TokensQuestion(text=text).answer(desk)


def read(desk: Session, text: str) -> list[int]:
    found: list[int] = typed(desk, text).numbers.tolist()
    return found


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("abc", [5]), ("abb", [4, 1]), ("a b", [0, 3, 1]), ("ca\né", [2, 0, 6, 7]), ("aabcab", [0, 5, 4])],
)
def test_the_longest_token_at_each_place_is_taken(tmp_path: Path, text: str, numbers: list[int]) -> None:
    desk = session(tmp_path, Recurrent(len(LETTERS)), len(LETTERS), tokens=LETTERS)
    found = typed(desk, text)
    assert found.numbers.tolist() == numbers
    assert found.names == tuple(LETTERS[each] for each in numbers)
    assert (found.text, found.note) == (text, "")


def test_between_words_spaces_say_nothing(tmp_path: Path) -> None:
    desk = session(tmp_path, Recurrent(len(WORDS)), len(WORDS), tokens=WORDS)
    assert read(desk, "new york  is\nbig") == [1, 2, 4, 5]
    assert read(desk, "newyorkis big") == [3, 4, 5]
    assert TokensQuestion(numbers=(1, 2, 4)).answer(desk).text == "new york is"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("new yark is ößig", "no token reads 'yark', 'ößig': there are 6, such as '<pad>', 'new', 'york'"),
        ("", "at least one token"),
    ],
)
def test_what_no_token_reads_is_told_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    found = typed(session(tmp_path, Recurrent(len(WORDS)), len(WORDS), tokens=WORDS), text)
    assert told in found.note
    assert "\n" not in found.note
    assert found.numbers.tolist() == []


def test_without_names_numbers_are_typed(tmp_path: Path) -> None:
    desk = session(tmp_path, Recurrent(9), 5)
    assert OverviewQuestion().answer(desk).subject.vocabulary == 9  # type: ignore[union-attr]
    found = typed(desk, " 3 8\n0 ")
    assert (found.numbers.tolist(), found.names, found.text) == ([3, 8, 0], ("3", "8", "0"), "3 8 0")
    assert typed(desk, "3 9").note == "token 9 does not exist: expected whole numbers 0…8"
    assert (
        typed(desk, "3 x").note == "'x' is no token number: expected whole numbers 0…8, with spaces between"
    )


def test_without_a_table_of_tokens_those_of_the_examples_count(tmp_path: Path) -> None:
    class Real(nn.Module):
        def forward(self, given: Tensor) -> Tensor:
            return given.float()

    desk = session(tmp_path, nn.Sequential(Real(), nn.Linear(LENGTH, 2)), 7)
    assert OverviewQuestion().answer(desk).subject.vocabulary == int(desk.subject.inputs.max()) + 1  # type: ignore[union-attr]


def test_a_tokeniser_of_ones_own_is_asked(tmp_path: Path) -> None:
    def encode(text: str) -> Sequence[int]:
        if text == "?":
            raise ValueError("no question")
        return [len(word) for word in text.split()]

    desk = session(tmp_path, Recurrent(6), 6, encode=encode)
    found = typed(desk, "is it big")
    assert (found.numbers.tolist(), found.text) == ([2, 2, 3], "")  # of these numbers no text is known
    assert typed(desk, "?").note == "the tokeniser refuses this text: ValueError: no question"
    assert "token 9 does not exist" in typed(desk, "different").note


def test_a_text_that_is_too_long_is_cut_and_says_so(tmp_path: Path) -> None:
    desk = session(tmp_path, Recurrent(len(LETTERS)), len(LETTERS), tokens=LETTERS)
    found = typed(desk, "cccccaabc")
    assert found.numbers.tolist() == [2, 2, 2, 2, 0, 5]
    assert found.note == "cut to the last 6 of 7 tokens: the network takes no more"
    assert typed(desk, "cb").note == ""


def test_one_that_is_too_short_is_padded_only_where_it_must_be(tmp_path: Path) -> None:
    desk = session(tmp_path, Rigid(len(WORDS)), len(WORDS), tokens=WORDS)
    found = typed(desk, "york is big")
    assert found.numbers.tolist() == [0, 0, 0, 2, 4, 5]
    assert found.note == "3 × token 0 “<pad>” put in front: the network takes just 6 tokens"


def test_what_the_network_says_is_what_it_says_in_python(tmp_path: Path) -> None:
    desk = session(tmp_path, Recurrent(len(LETTERS)), len(LETTERS), tokens=LETTERS)
    own = tuple(map(float, read(desk, "abcab")))
    heard = HeardQuestion(step=0, own=own).answer(desk)
    with torch.no_grad():
        said = desk.model(0)(torch.tensor([own]).long())
    assert heard.outputs.shape == (len(own), len(LETTERS))
    assert torch.equal(torch.from_numpy(heard.outputs), said[0])


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ((1.0, 8.0), "token 8 does not exist: expected whole numbers 0…7"),
        ((1.0, -1.0), "token -1 does not exist"),
        ((1.5,), "token 1.5 does not exist"),
        ((float("nan"),), "token nan does not exist"),
        ((), "at least one token"),
        ((1.0,) * 7, "the network takes no 7 tokens: the examples have 6"),
    ],
)
def test_what_is_no_input_is_refused_in_one_line(tmp_path: Path, own: tuple[float, ...], told: str) -> None:
    desk = session(tmp_path, Recurrent(len(LETTERS)), len(LETTERS), tokens=LETTERS)
    with pytest.raises(OptionError, match=told) as refused:
        HeardQuestion(step=0, own=own).answer(desk)
    assert "\n" not in str(refused.value)


def test_where_tokens_are_predicted_they_are_the_classes(tmp_path: Path) -> None:
    count = len(LETTERS)
    targets = torch.randint(0, count, (4, LENGTH), generator=torch.Generator().manual_seed(1))
    desk = session(tmp_path, Recurrent(count), count, tokens=LETTERS, targets=targets)
    assert OverviewQuestion().answer(desk).subject.class_names == LETTERS  # type: ignore[union-attr]
    with torch.no_grad():
        wrong = (desk.model(0)(desk.subject.inputs).argmax(-1) != targets).any(1)
    assert VerdictsQuestion(step=0).answer(desk).wrong.tolist() == wrong.nonzero().flatten().tolist()


@pytest.mark.parametrize(
    "inputs", [torch.zeros(3, 4), torch.zeros(3, 4, 4, dtype=torch.long), torch.zeros(3, 4) > 1]
)
def test_only_rows_of_whole_numbers_have_tokens(inputs: Tensor) -> None:
    assert not Subject.given(nn.Linear(4, 1), inputs).takes_tokens
    with pytest.raises(OptionError, match="rows of whole numbers"):
        Subject.given(nn.Linear(4, 1), inputs, tokens="abcd")


def test_a_network_that_takes_no_tokens_reads_no_text(digits_session: Session) -> None:
    assert OverviewQuestion().answer(digits_session).subject.vocabulary is None  # type: ignore[union-attr]
    with pytest.raises(OptionError, match="takes no tokens"):
        TokensQuestion(text="7").answer(digits_session)


@pytest.mark.parametrize("asked", [{}, {"text": "a", "numbers": (0,)}])
def test_either_a_text_or_numbers_are_asked_about(tmp_path: Path, asked: dict[str, Any]) -> None:
    desk = session(tmp_path, Recurrent(len(LETTERS)), len(LETTERS), tokens=LETTERS)
    with pytest.raises(OptionError, match="either a text or numbers"):
        TokensQuestion(**asked).answer(desk)


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The desk of a built-in training of texts."""
    recipe = Recipe.create("reviews", examples=200, steps=2, layers="4,4", embedding=8)
    return Session(wd.open_run(train(recipe, tmp_path_factory.mktemp("texts") / "run").directory))


def test_the_examples_of_a_training_of_texts_can_be_read(reviews: Session) -> None:
    for row in reviews.subject.inputs[:20].tolist():
        found = TokensQuestion(numbers=tuple(row)).answer(reviews)
        assert found.text.split() == [name for name in found.names if name != "<pad>"]
        assert read(reviews, found.text) == row


def test_own_texts_become_words_that_it_knows(reviews: Session) -> None:
    found = typed(reviews, "The zebra is NEVER on the road!")
    length = reviews.subject.inputs.shape[1]
    assert found.names[:5] == ("the", "<unk>", "is", "never", "on")
    assert found.names[8:] == ("<pad>",) * (length - 8)
    assert found.note == ""
    assert typed(reviews, found.text).numbers.tolist() == found.numbers.tolist()
    assert typed(reviews, " ").note == "an input has at least one token"


def test_a_tokeniser_that_fills_up_is_told_from_what_was_typed(tmp_path: Path) -> None:
    encode = lambda text: ([LETTERS.index(each) for each in text] + [0] * LENGTH)[:LENGTH]  # noqa: E731
    desk = session(tmp_path, Recurrent(len(LETTERS)), len(LETTERS), tokens=LETTERS, encode=encode)
    assert typed(desk, "bc").text == "bc"
    assert TokensQuestion(numbers=(1, 2, 0, 0, 0, 0)).answer(desk).text == "bc"
    assert TokensQuestion(numbers=(0,) * LENGTH).answer(desk).text == "a"
