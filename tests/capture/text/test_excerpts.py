"""The words that excite a unit are those at which it is strongest, by hand; padding never counts."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from weightdesk.capture import Specimen, layers_of
from weightdesk.capture.text import excerpts
from weightdesk.errors import OptionError

TOKENS = ("<pad>", "a", "not", "good", "film")


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words, self.pairs = nn.Embedding(5, 3, padding_idx=0), nn.Conv1d(3, 4, 2)
        self.output = nn.Linear(4, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.output(torch.relu(self.pairs(self.words(tokens).transpose(1, 2))).amax(2))


def specimen() -> Specimen:
    texts = torch.tensor([[1, 3, 4, 0], [2, 3, 0, 0], [4, 2, 1, 3]])
    return Specimen(Net().eval(), texts, tokens=TOKENS)


@pytest.mark.parametrize("number", range(3))
def test_what_is_seen_is_where_the_unit_is_strongest(number: int) -> None:
    found = specimen()
    layer = layers_of(found.model, found.inputs)[number]
    shown = excerpts(found, layer, count=3)
    words = found.model.get_submodule("words")(found.inputs).transpose(1, 2)
    maps = torch.relu(found.model.get_submodule("pairs")(words))
    width = (1, 2, 4)[number]
    values = (words, maps, found.model(found.inputs)[:, :, None])[number].detach()
    for unit in range(layer.units):
        expected = []
        for example, tokens in enumerate(found.inputs.tolist()):
            seen = [tokens[at : at + width] for at in range(values.shape[2])]
            expected += [[float(values[example, unit, at]) for at, each in enumerate(seen) if any(each)]]
        best = sorted((max(each) for each in expected), reverse=True)
        most = [shown.excerpt(unit, rank) for rank in range(3)]
        assert [each.activation for each in most] == pytest.approx(best)
        for each in most:
            whole = " ".join(filter(None, (each.before, each.seen, each.after)))
            tokens = found.inputs[each.example].tolist()
            assert whole == " ".join(TOKENS[token] for token in tokens if token)
            assert len(each.seen.split()) <= width
        least = shown.excerpt(unit, 0, least=True)
        assert least.activation == pytest.approx(min(min(each) for each in expected))


def test_the_same_texts_give_the_same_excerpts() -> None:
    found = specimen()
    layer = layers_of(found.model, found.inputs)[1]
    first, again = (excerpts(found, layer, count=2) for _ in range(2))
    assert first.to_arrow() == again.to_arrow()
    assert first.sections()[1].table.num_rows == 8


def test_what_cannot_be_shown_is_said_in_a_line() -> None:
    found = specimen()
    with pytest.raises(OptionError, match="count must be 1 or more, got 0"):
        excerpts(found, layers_of(found.model, found.inputs)[0], count=0)
