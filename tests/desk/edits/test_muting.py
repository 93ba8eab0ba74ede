from __future__ import annotations

import torch
from edit_contract import EditContract
from random_edits import masks
from torch import Tensor, nn

from weightdesk.desk.edits import Edit, Muting
from weightdesk.desk.heads import Head
from weightdesk.desk.places import Place, place_in
from weightdesk.desk.state import State


class TestMuting(EditContract):
    kind = "mute"

    def expected(self, edit: Edit, values: dict[str, Tensor]) -> dict[str, Tensor]:
        found = masks(str(edit.place), values, outputs=True)
        return {
            name: torch.where(mask, torch.zeros_like(values[name]), values[name])
            for name, mask in found.items()
        }


def test_without_a_head_exactly_what_it_adds_is_gone() -> None:
    torch.manual_seed(0)
    attn = nn.MultiheadAttention(8, 4, dtype=torch.float64).eval()
    tokens = torch.randn(5, 2, 8, dtype=torch.float64)
    original = State.of(attn)

    def output(*edits: Edit) -> Tensor:
        values = dict(original.with_edits(edits).values)
        return torch.func.functional_call(attn, values, (tokens, tokens, tokens))[0]

    heads = [Muting(place_in(attn, None, Head(number))) for number in range(4)]
    alone = [output(*heads[:number], *heads[number + 1 :]) for number in range(4)]
    silence = output(*heads)
    torch.testing.assert_close(silence, attn.out_proj.bias.expand_as(silence))
    torch.testing.assert_close(sum(each - silence for each in alone) + silence, output())
    torch.testing.assert_close(output() - output(heads[2]), alone[2] - silence)


def test_a_home_made_head_is_columns_of_its_output_projection() -> None:
    state = State((), {"attn.proj.weight": torch.ones(2, 8), "attn.proj.bias": torch.ones(2)})
    for text in ("attn.proj.weight[head 1/4]", "attn.proj[head -3/4]"):
        muted = state.with_edit(Muting(Place.parse(text))).values
        assert muted["attn.proj.weight"][0].tolist() == [1, 1, 0, 0, 1, 1, 1, 1]
        assert muted["attn.proj.bias"] is state.values["attn.proj.bias"]
