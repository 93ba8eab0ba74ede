from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from weightdesk.errors import OptionError
from weightdesk.explain.loss import evaluate


def test_a_loss_is_what_it_is() -> None:
    x, y = torch.randn(4, 3), torch.tensor([0, 2, 1, 1])
    assert torch.equal(evaluate(functional.cross_entropy, x, y), functional.cross_entropy(x, y))
    assert evaluate(lambda outputs, _: outputs.sum(), x, None) == x.sum()


def test_what_is_no_scalar_is_refused() -> None:
    x = torch.ones(2)
    for loss, targets, said in [
        (functional.cross_entropy, None, "needs targets, got None"),
        (lambda outputs, _: outputs, x, r"without axes, got shape \(2,\)"),
        (lambda *_: 1.0, x, "without axes, got float"),
    ]:
        with pytest.raises(OptionError, match=said):
            evaluate(loss, x, targets)
    with pytest.raises(TypeError, match="positional"):  # an error of the user's own is not hidden
        evaluate(lambda: x.sum(), x, x)  # type: ignore[arg-type,misc]
