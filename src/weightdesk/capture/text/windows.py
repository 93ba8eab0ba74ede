"""Convolutions that read the words themselves, and the words that each of their windows holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from weightdesk.capture.layers import Layer, layers_of, unfused
from weightdesk.capture.text.reading import Text

OUTSIDE = -1
"""The place of what a convolution adds at the ends of a text."""

_LOOKED_AT = 8


@dataclass(frozen=True, eq=False)
class Filters:
    """A convolution that reads the embedded words.

    Attributes:
        layer: its name, its units, and where its results go.
        module: itself.
    """

    layer: Layer
    module: nn.Conv1d

    @property
    def width(self) -> int:
        """How many words a window holds."""
        return self.module.kernel_size[0]

    @property
    def weight(self) -> Float[Tensor, "units width words"]:
        """The weights in float64: by unit, axis of the embedding and word of the window."""
        return self.module.weight.detach().cpu().double()

    def places(self, length: int) -> Int64[Tensor, "windows words"]:
        """The places of a text that each window holds, `OUTSIDE` where it reaches beyond the text.

        >>> layer = Layer("conv", "Conv1d", 1)
        >>> Filters(layer, nn.Conv1d(1, 1, 2, padding=1)).places(2).tolist()
        [[-1, 0], [0, 1], [1, -1]]
        """
        convolution, (width,) = self.module, self.module.kernel_size
        (stride,), reach = convolution.stride, width - 1
        if isinstance(convolution.padding, str):
            added = reach if convolution.padding == "same" else 0
            before = added // 2
        else:
            before = convolution.padding[0]
            added = 2 * before
        starts = torch.arange(0, length + added - reach, stride) - before
        places = starts[:, None] + torch.arange(width)
        return places.where((places >= 0) & (places < length), OUTSIDE)

    def words(self, inputs: Int64[Tensor, "examples places"]) -> Int64[Tensor, "examples windows words"]:
        """The token numbers in each window, `OUTSIDE` beyond the text."""
        places = self.places(inputs.shape[1])
        return inputs[:, places.clamp(min=0)].where(places != OUTSIDE, OUTSIDE)


def filters_of(text: Text) -> tuple[Filters, ...]:
    """Find the convolutions over words that are given the embedded words as they are.

    Those that read what other layers made of the words, that share out the words' axes in groups, that
    leave out words in between, or that repeat the text beyond its ends are left out.

    >>> from weightdesk.capture.text.reading import reading
    >>> from weightdesk.capture.specimen import Specimen
    >>> net = nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(6, 2))
    >>> filters_of(reading(Specimen(net, torch.tensor([[1, 2]]))))
    ()
    """
    model, some = text.specimen.model, text.specimen.inputs[:_LOOKED_AT]
    seen: list[Tensor] = []
    found: list[str] = []

    def note(name: str) -> Any:
        def hook(module: nn.Conv1d, given: tuple[Tensor, ...]) -> None:
            plain = (module.groups, module.dilation, module.padding_mode) == (1, (1,), "zeros")
            if plain and seen and torch.equal(given[0], seen[-1].transpose(1, 2)):
                found.append(name)

        return hook

    modules = dict(model.named_modules())
    handles = [
        each.register_forward_pre_hook(note(name))
        for name, each in modules.items()
        if isinstance(each, nn.Conv1d)
    ]
    try:
        with torch.no_grad(), unfused(), text.embedded(seen.append):
            model(some)
    finally:
        for handle in handles:
            handle.remove()
    return tuple(
        Filters(layer, convolution)
        for layer in layers_of(model, some)
        if layer.name in found and isinstance(convolution := modules[layer.name], nn.Conv1d)
    )
