"""What is looked at: a network at one step of its run, and where in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import torch
from torch import Tensor, nn

from weightdesk.capture.cache import Cache
from weightdesk.capture.digests import of_examples, of_weights
from weightdesk.capture.layers import Layer, layers_of
from weightdesk.capture.progress import Progress, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.capture.text.heads import attending
from weightdesk.capture.text.reading import reading
from weightdesk.capture.text.windows import filters_of
from weightdesk.errors import OptionError, closest
from weightdesk.types import Step


@dataclass(frozen=True, eq=False)
class Case:
    """A network at one step of its run, and a place in it.

    Attributes:
        specimen: the network with the weights that are looked at, and its examples.
        steps: the snapshots of the run.
        model_at: gives the network with the weights of a snapshot.
        others: networks of the same build to compare with, by name.
        layer_name: the layer; None where none is named.
        unit_number: the unit in it.
        example: number of the example.
        word: a word, or two with a blank between them.
        cache: where results are kept.
        progress: told how far long work is.
    """

    specimen: Specimen
    steps: tuple[Step, ...]
    model_at: Callable[[Step], nn.Module]
    others: Mapping[str, nn.Module] = field(default_factory=dict)
    layer_name: str | None = None
    unit_number: int | None = None
    example: int = 0
    word: str | None = None
    cache: Cache = field(default_factory=Cache)
    progress: Progress = silent

    def about(self, **place: Any) -> Self:
        """The same network, another place in it: the fields that differ."""
        return replace(self, **place)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The layers in the order in which they run."""
        return layers_of(self.specimen.model, self.specimen.inputs)

    @cached_property
    def untrained(self) -> nn.Module:
        """The network as its training began."""
        return self.model_at(self.steps[0])

    def decisive(self, *, placed: bool, through: bool) -> dict[str, Any]:
        """All that decides what is read, as plain JSON values.

        Arguments:
            placed: whether the place in the network does.
            through: whether all snapshots of the run do, and not only the first.
        """
        place = (self.layer_name, self.unit_number, self.example, self.word)
        return {
            "weights": of_weights(self.specimen.model),
            "examples": of_examples(self.specimen),
            "others": {name: of_weights(model) for name, model in self.others.items()},
            "untrained": of_weights(self.untrained),
            "steps": list(self.steps) if through else [],
            "place": list(place) if placed else [],
        }

    @property
    def layer(self) -> Layer:
        """The layer that is named.

        Raises:
            OptionError: none is, or there is no such layer.
        """
        names = {each.name: each for each in self.layers}
        if self.layer_name not in names:
            asked = "name a layer" if self.layer_name is None else f"there is no layer {self.layer_name!r}"
            raise OptionError(f"{asked}: {closest(self.layer_name or '', names)}")
        return names[self.layer_name]

    @property
    def unit(self) -> int:
        """The unit that is named.

        Raises:
            OptionError: none is, or the layer has no such unit.
        """
        units = self.layer.units
        if self.unit_number is None or not 0 <= self.unit_number < units:
            asked = "name a unit" if self.unit_number is None else f"there is no unit {self.unit_number}"
            raise OptionError(f"{asked}: {self.layer.name} has units 0 to {units - 1}")
        return self.unit_number

    @property
    def words(self) -> list[str]:
        """The words that are named.

        Raises:
            OptionError: none is.
        """
        if not self.word or not self.word.split():
            raise OptionError("name a word that the network knows, such as 'good'")
        return self.word.split()

    @property
    def filters(self) -> Tensor:
        """The weights at the inputs, units by channels by height by width.

        Raises:
            OptionError: the first layer is no convolution over pictures.
        """
        first = self.layers[0]
        if not (self.has_pictures and first.kind == "Conv2d"):
            raise OptionError(f"the first layer must be a Conv2d over pictures, got {first.kind}")
        return self.specimen.model.get_parameter(f"{first.name}.weight").detach()

    @property
    def has_pictures(self) -> bool:
        """Whether the network is given pictures."""
        return self.specimen.inputs.ndim == 4

    @property
    def has_texts(self) -> bool:
        """Whether the network is given rows of tokens."""
        return bool(self.specimen.tokens) and self.specimen.inputs.ndim == 2

    @cached_property
    def has_phrases(self) -> bool:
        """Whether convolutions run over the words."""
        return self.has_texts and bool(filters_of(reading(self.specimen)))

    @cached_property
    def has_heads(self) -> bool:
        """Whether attention heads look at the words."""
        if not self.has_texts:
            return False
        some = self.specimen.inputs[:1]
        with torch.no_grad(), attending(self.specimen.model, some.shape[1]) as heard:
            self.specimen.model(some)
        return bool(heard)

    @property
    def has_classes(self) -> bool:
        """Whether examples are told apart by the network."""
        return self.specimen.labels is not None and bool(self.specimen.class_names)
