"""The network that a desk is about, with the examples that it is judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from weightdesk.training import HeldOut


@dataclass(frozen=True, eq=False)
class Subject:
    """A network and its probe set.

    Attributes:
        model: in evaluation mode; the weights in it do not matter, those of the run are loaded.
        inputs: examples on axis 0.
        targets: one for each example; None where there are none.
        loss: of outputs and targets; None where there are no targets.
        part: what the examples are: `test`, `validation`, `train`, or `probe` for the user's own.
        class_names: a name for each class; empty where nothing is classified.
        input_names: a name for each input; empty for pictures.
        target_names: a name for each amount to predict; empty for a classification.
    """

    model: nn.Module
    inputs: Any
    targets: Any
    loss: Callable[[Any, Any], Tensor] | None
    part: str
    class_names: tuple[str, ...] = ()
    input_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, held: HeldOut) -> Subject:
        """The subject of a built-in training: its network and the examples held out of it."""
        return cls(
            held.model, held.inputs, held.targets, held.loss, held.part,
            held.class_names, held.input_names, held.target_names,
        )  # fmt: skip
