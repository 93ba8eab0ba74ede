"""The network of a built-in training, and the examples it never learned from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jaxtyping import Float, Num
from torch import Tensor, nn

from weightdesk.properties import Property
from weightdesk.training.data.words import Encoder
from weightdesk.training.preparation import Preparation, prepare
from weightdesk.training.recipe import Recipe
from weightdesk.training.standardise import Standardisation


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What is needed to judge a built-in network anew.

    Attributes:
        model: the network, in evaluation mode and with its initial weights: load those you want.
        inputs: held-out examples, standardised as the training's were.
        targets: class numbers, or standardised amounts.
        loss: mean over the examples, without penalties; takes outputs and targets.
        part: `test`; `validation` or `train` where the recipe sets no other examples apart.
        class_names: a name for each class; empty for a regression.
        input_names: a name for each input; empty for pictures.
        target_names: a name for each amount to predict; empty for a classification.
        properties: what else is true of the examples.
        tokens: what each token number stands for; empty where inputs are no tokens.
        encode: takes a text to token numbers as the training's were taken; None where inputs are no tokens.
        scale: takes targets back to the user's own units; None where they are in these already.
    """

    model: nn.Module
    inputs: Num[Tensor, "examples ..."]
    targets: Tensor
    loss: Callable[[Tensor, Tensor], Float[Tensor, ""]]
    part: Literal["test", "validation", "train"]
    class_names: tuple[str, ...]
    input_names: tuple[str, ...]
    target_names: tuple[str, ...]
    properties: tuple[Property, ...]
    tokens: tuple[str, ...]
    encode: Encoder | None
    scale: Standardisation | None


def held_out(stored: Mapping[str, Any]) -> HeldOut:
    """Build the network of a run and find the examples that were held out of its training.

    Arguments:
        stored: the recipe of a built-in training, as its run stored it: `run.recipe`.

    Raises:
        OptionError: this is not a whole stored recipe.
        DataError: its data are gone, or no longer what they were.

    >>> found = held_out(prepare(Recipe.create("xor")).stored)
    >>> found.part, found.inputs.shape, found.class_names
    ('test', torch.Size([200, 2]), ('a', 'b'))
    """
    prepared = prepare(Recipe.from_dict(stored))
    part = _judging(prepared)
    dataset, examples, scales = prepared.dataset, prepared.parts[part], prepared.stored["standardisation"]
    return HeldOut(
        model=prepared.model.eval(),
        inputs=examples.inputs,
        targets=examples.targets,
        loss=prepared.objective.loss,
        part=part,
        class_names=dataset.class_names,
        input_names=dataset.feature_names,
        target_names=dataset.target_names,
        properties=examples.properties,
        tokens=dataset.tokens,
        encode=Encoder(dataset.tokens, dataset.input_shape[0]) if dataset.tokens else None,
        scale=Standardisation.from_dict(scales["targets"]) if "targets" in scales else None,
    )


def _judging(prepared: Preparation) -> Literal["test", "validation", "train"]:
    if "test" in prepared.parts:
        return "test"
    return "validation" if "validation" in prepared.parts else "train"
