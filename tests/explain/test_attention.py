from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from weightdesk.explain.attention import multi_head_attention
from weightdesk.explain.tracing import trace, untouched

LENGTH, KEYS, BATCH, WIDTH, HEADS = 3, 5, 2, 8, 4


def projections(**changes: object) -> dict[str, object]:
    weights = {
        "embed_dim_to_check": WIDTH,
        "num_heads": HEADS,
        "in_proj_weight": torch.randn(3 * WIDTH, WIDTH),
        "in_proj_bias": torch.randn(3 * WIDTH),
        "bias_k": None,
        "bias_v": None,
        "add_zero_attn": False,
        "dropout_p": 0.0,
        "out_proj_weight": torch.randn(WIDTH, WIDTH),
        "out_proj_bias": torch.randn(WIDTH),
    }
    return {**weights, **changes}


BLOCKED = torch.tensor([[False, True, False, False, True]] * LENGTH)
PADDED = torch.tensor([[False, False, False, False, True], [False, False, True, True, True]])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"need_weights": False},
        {"average_attn_weights": False},
        {"attn_mask": BLOCKED},
        {"attn_mask": torch.randn(LENGTH, KEYS)},
        {"attn_mask": torch.randn(BATCH * HEADS, LENGTH, KEYS)},
        {"key_padding_mask": PADDED},
        {"key_padding_mask": PADDED, "attn_mask": BLOCKED},
        {"in_proj_bias": None, "out_proj_bias": None},
        {"dropout_p": 0.5, "training": False},
    ],
    ids=str,
)
def test_it_is_torch_s_attention(options: dict[str, object]) -> None:
    torch.manual_seed(0)
    arguments = projections(**options)
    query, key = torch.randn(LENGTH, BATCH, WIDTH), torch.randn(KEYS, BATCH, WIDTH)
    ours = multi_head_attention(query, key, key, **arguments)  # type: ignore[arg-type]
    torchs = functional.multi_head_attention_forward(query, key, key, **arguments)  # type: ignore[arg-type]
    assert torch.allclose(ours[0], torchs[0], atol=1e-5)
    if ours[1] is None or torchs[1] is None:
        assert ours[1] is torchs[1]
    else:
        assert torch.allclose(ours[1], torchs[1], atol=1e-6)


def test_a_single_sequence_has_no_batch() -> None:
    torch.manual_seed(0)
    arguments = projections(key_padding_mask=PADDED[0])
    query, key = torch.randn(LENGTH, WIDTH), torch.randn(KEYS, WIDTH)
    for ours, torchs in zip(
        multi_head_attention(query, key, key, **arguments),  # type: ignore[arg-type]
        functional.multi_head_attention_forward(query, key, key, **arguments),  # type: ignore[arg-type]
        strict=True,
    ):
        assert ours is not None
        assert torchs is not None
        assert ours.shape == torchs.shape
        assert torch.allclose(ours, torchs, atol=1e-5)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize(
    "options", [{}, {"batch_first": True}, {"kdim": 3, "vdim": 6}, {"bias": False}], ids=str
)
def test_a_traced_module_gives_what_it_gives(options: dict[str, object], need_weights: bool) -> None:
    torch.manual_seed(0)
    model = nn.MultiheadAttention(WIDTH, HEADS, **options)  # type: ignore[arg-type]
    query = torch.randn(LENGTH, BATCH, WIDTH)
    key, value = (torch.randn(LENGTH, BATCH, int(options.get(each, WIDTH))) for each in ("kdim", "vdim"))  # type: ignore[call-overload]
    inputs = {"query": query, "key": key, "value": value, "need_weights": need_weights}
    with untouched(model):
        ours, shown = trace(model, inputs).outputs
    theirs, weights = model(**inputs)
    assert torch.allclose(ours, theirs, atol=1e-6)
    assert (shown is None) == (weights is None)


def test_dropout_takes_torch_s_mask() -> None:
    model = nn.MultiheadAttention(WIDTH, HEADS, dropout=0.5)
    x = torch.randn(LENGTH, BATCH, WIDTH)
    with untouched(model, 3):
        ours = trace(model, (x, x, x)).outputs[0]
    with untouched(model, 3):
        assert torch.allclose(model(x, x, x)[0], ours, atol=1e-6)


@pytest.mark.parametrize(
    "options", [{"bias_k": torch.ones(1)}, {"add_zero_attn": True}], ids=["bias", "zeros"]
)
def test_other_keys_are_refused(options: dict[str, object]) -> None:
    x = torch.randn(LENGTH, BATCH, WIDTH)
    with pytest.raises(NotImplementedError, match="beside the projected ones"):
        multi_head_attention(x, x, x, **projections(**options))  # type: ignore[arg-type]
