"""How one probe is taken: what it is given of a layer, and whether it is right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import torch
from jaxtyping import Float64
from torch import Tensor

from weightdesk.capture.layers import Layer
from weightdesk.capture.progress import Progress, followed, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.capture.story.asking import Question
from weightdesk.capture.story.regression import correct, fit
from weightdesk.capture.story.representation import INPUTS, representations
from weightdesk.capture.story.resampling import permutations
from weightdesk.properties import Property

FEATURES: Final = 128
"""Numbers that a probe is given of a layer: the same allowance for all, so that none wins by size."""

_FLAT: Final = 1e-9  # a spread below this share of the largest value is rounding


def given(
    specimen: Specimen, layers: Iterable[Layer], features: int = FEATURES
) -> dict[str, Float64[Tensor, "examples features"]]:
    """What probes are given: of the inputs, then of each layer, at most so many numbers.

    Layers are averaged over the finest grid of places that fits; of token numbers it is how often the
    most frequent ones occur.

    >>> from weightdesk.capture.layers import layers_of
    >>> texts = Specimen(torch.nn.Embedding(3, 2), torch.tensor([[1, 1], [2, 1]]), tokens=("<pad>", "a", "b"))
    >>> given(texts, layers_of(texts.model, texts.inputs))["inputs"]
    tensor([[2., 0., 0.],
            [1., 1., 0.]], dtype=torch.float64)
    """
    found = representations(specimen.model, specimen.inputs, layers, features)
    if INPUTS in found:
        return found
    frequent = specimen.inputs.flatten().bincount().argsort(descending=True, stable=True)[:features]
    counts = [(specimen.inputs == token).flatten(1).sum(1) for token in frequent]
    return {INPUTS: torch.stack(counts, 1).double(), **found}


def read(
    layers: Mapping[str, Float64[Tensor, "examples features"]],
    asked: Question,
    permuted: int = 0,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[tuple[str, str], Float64[Tensor, "labellings judged"]]:
    """Take a probe of each layer for all that is asked.

    Arguments:
        layers: what probes are given of each, by its name.
        asked: the task, the properties, and the examples to learn from and to judge by.
        permuted: how many more probes learn permuted labels.
        seed: of the permutations.
        progress: told after each layer.

    Returns:
        By the names of layer and property, whether each judged example is right, as 0 or 1; not a number
        where it cannot be told. The first row is of the labels as they are.
    """
    return {
        (name, one.name): _right(features, one, asked, permuted, seed)
        for name, features in followed(layers.items(), "probes", progress)
        for one in asked.all
    }


def _right(
    features: Float64[Tensor, "examples features"], one: Property, asked: Question, permuted: int, seed: int
) -> Float64[Tensor, "labellings judged"]:
    told = asked.learned[one.values[asked.learned] >= 0]
    learned, truth = features[told], one.values[asked.judged]
    spread = learned.std(0, correction=0)
    varies = spread > _FLAT * learned.abs().amax(0)
    standard = ((features - learned.mean(0)) / torch.where(varies, spread, torch.inf)).float()
    labels = one.values[told]
    orders = permutations(len(told), permuted, seed)
    weights = fit(standard[told], torch.stack([labels, *(labels[each] for each in orders)]), one.classes)
    right = correct(weights, standard[asked.judged], truth).double()
    return right.masked_fill(truth < 0, torch.nan)
