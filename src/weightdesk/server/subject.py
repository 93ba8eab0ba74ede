"""The network that a desk is about, with the examples that it is judged by."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from weightdesk.capture import Specimen
from weightdesk.errors import OptionError
from weightdesk.explain.compiled import uncompiled
from weightdesk.properties import Property
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
        tokens: what each token number stands for; empty where inputs are no tokens, or have no names.
        encode: a tokeniser, from text to token numbers; None where there is none.
        properties: what else is true of the examples, by which the layers can be probed.
    """

    model: nn.Module
    inputs: Any
    targets: Any
    loss: Callable[[Any, Any], Tensor] | None
    part: str
    class_names: tuple[str, ...] = ()
    input_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    encode: Callable[[str], Sequence[int]] | None = None
    properties: tuple[Property, ...] = ()

    @property
    def takes_tokens(self) -> bool:
        """Whether an input is a row of token numbers."""
        inputs = self.inputs
        whole = isinstance(inputs, Tensor) and not (inputs.is_floating_point() or inputs.is_complex())
        return whole and inputs.ndim == 2 and inputs.dtype != torch.bool

    def specimen(self, model: nn.Module) -> Specimen:
        """Another network, or other weights, with these examples, for what is read from weights."""
        return Specimen(model, self.inputs, self.targets, self.class_names, self.properties, self.tokens)

    @classmethod
    def of(cls, held: HeldOut) -> Subject:
        """The subject of a built-in training: its network and the examples held out of it."""
        return cls(
            held.model, held.inputs, held.targets, held.loss, held.part,
            held.class_names, held.input_names, held.target_names, held.tokens, held.encode, held.properties,
        )  # fmt: skip

    @classmethod
    def given(
        cls,
        model: nn.Module,
        inputs: Any,
        targets: Any = None,
        loss: Callable[[Any, Any], Tensor] | None = None,
        *,
        class_names: Sequence[str] = (),
        tokens: Sequence[str] = (),
        encode: Callable[[str], Sequence[int]] | None = None,
    ) -> Self:
        """The subject of somebody's own training; a copy of the model is kept, as it may be trained on.

        Arguments:
            model: the network that was recorded; the weights are the run's, whatever it has now.
            inputs: examples to judge it by, on axis 0 of one tensor or array.
            targets: one for each example; None: only outputs are shown.
            loss: takes outputs and targets, gives a scalar. None: cross entropy where the targets are
                whole numbers, mean squared error where they are real ones.
            class_names: a name for each class; where targets are tokens, the tokens if left out.
            tokens: what each token number stands for, where inputs are rows of such numbers.
            encode: takes text to token numbers; None: the longest of `tokens` at each place.

        Raises:
            OptionError: the model cannot be copied, the inputs are no tensor, or are no tokens and these
                are named.
        """
        if not isinstance(model, nn.Module):
            raise OptionError(f"model: expected a torch.nn.Module, got {type(model).__name__}")
        examples, known = _tensor(inputs), None if targets is None else torch.as_tensor(targets)
        words = tuple(map(str, tokens))
        predicted = words if known is not None and known.shape == examples.shape else ()
        names = tuple(map(str, class_names)) or predicted
        found = cls(
            _copied(model), examples, known, loss, "probe", class_names=names, tokens=words, encode=encode
        )
        if (words or encode is not None) and not found.takes_tokens:
            raise OptionError(
                "tokens and encode are for inputs that are rows of whole numbers, examples by positions; "
                f"got {examples.dtype} of shape {tuple(examples.shape)}"
            )
        return found


def _tensor(inputs: Any) -> Tensor:
    try:
        return torch.as_tensor(inputs)
    except (TypeError, ValueError, RuntimeError) as error:
        raise OptionError(
            f"inputs: expected one tensor or array with the examples on axis 0, got {type(inputs).__name__}; "
            "`weightdesk.Desk` turns networks that take several"
        ) from error


def _copied(model: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(uncompiled(model)).eval()
    except (RuntimeError, TypeError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise OptionError(
            f"{type(model).__name__} cannot be copied, and a copy is turned: {reason}"
        ) from error
