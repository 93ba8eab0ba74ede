"""What each word adds to the margin, estimated by integrated gradients from an empty text."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from weightdesk.capture.layers import unfused
from weightdesk.capture.text.margin import margins
from weightdesk.capture.text.reading import Text
from weightdesk.explain.features.integrated_gradients import integrated_gradients
from weightdesk.explain.features.objective import objective


class _FromVectors(nn.Module):
    """The network as a function of the embedded words."""

    def __init__(self, text: Text, inputs: Tensor) -> None:
        super().__init__()
        self.network = text.specimen.model
        self._text, self._inputs = text, inputs

    def forward(self, vectors: Tensor) -> Tensor:
        with unfused(), self._text.embedded(lambda _result: vectors):
            outputs: Tensor = self.network(self._inputs)
        return outputs


def integrated(text: Text, toward: int, steps: int) -> tuple[Float[Tensor, "examples places"], float]:
    """Divide the margin of each text among its places.

    The way begins where each word has the vector of padding, or zeros where nothing is padding. Only
    some texts are run at a time.

    Returns:
        The part of each place, in float64, and the sum of all margins at the beginning of the way.

    >>> from weightdesk.capture.specimen import Specimen
    >>> from weightdesk.capture.text.reading import reading
    >>> net = nn.Sequential(nn.Embedding(3, 1), nn.Flatten()).requires_grad_(False)
    >>> _ = net[0].weight.copy_(torch.tensor([[0.0], [2.0], [5.0]]))
    >>> parts, start = integrated(reading(Specimen(net, torch.tensor([[1, 2]]))), toward=1, steps=4)
    >>> [round(each, 4) for each in parts[0].tolist()], start
    ([-2.0, 5.0], 0.0)
    """
    weight, parts, beginning = text.embedding.weight.detach(), [], 0.0
    for inputs, _real in text.batches():
        vectors = weight[inputs]
        start = None if text.padding is None else weight[text.padding].expand_as(vectors)
        model = _FromVectors(text, inputs)
        found = objective(model, vectors, None, lambda outputs, _none: margins(outputs, toward).sum(), seed=0)
        attribution = integrated_gradients(found, start, steps)
        parts.append(attribution.values.view(vectors.shape).sum(2))
        beginning += attribution.baseline_loss
    return torch.cat(parts), beginning
