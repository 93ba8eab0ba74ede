"""The direction of an embedding along which a network tells a class from the others.

It joins where words are with what the network makes of them: the ridge regression of the words' mean
effects on the margin, as ranks so that a few strong words do not decide it, on their vectors
(Hoerl and Kennard 1970). A word is placed on the axis that all other words make (leave-one-out in closed
form, Allen 1974): with its own effect in it even random vectors would lie on their right sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from weightdesk.capture.text.gradients import integrated
from weightdesk.capture.text.reading import Text

_STEPS: Final = 4
_RIDGE: Final = 1.0  # of the mean variance of an axis of the embedding
_TINY: Final = 1e-12


@dataclass(frozen=True, eq=False)
class Effects:
    """What words do to the margin, text by text.

    Attributes:
        sums: of the effects of all uses of a word in a text.
        counts: number of these uses.
    """

    sums: Float[Tensor, "examples words"]
    counts: Float[Tensor, "examples words"]

    def means(self, draws: Float[Tensor, "draws examples"]) -> Float[Tensor, "draws words"]:
        """The mean effect of each word when texts count as often as they are drawn.

        >>> Effects(torch.tensor([[2.0], [9.0]]), torch.tensor([[1.0], [3.0]])).means(torch.ones(1, 2))
        tensor([[2.7500]])
        """
        return (draws @ self.sums) / (draws @ self.counts).clamp(min=1)


def effects(text: Text, toward: int, words: Int[Tensor, " words"]) -> Effects:
    """Measure what words do to the margin of a class, by integrated gradients.

    Not by the gradient where the words are: that of a well-trained network is near zero for whatever it
    is sure about.

    Arguments:
        text: texts, and the network that reads them.
        toward: number of the class.
        words: the token numbers of those that are asked about.

    >>> from weightdesk.capture.specimen import Specimen
    >>> from weightdesk.capture.text.reading import reading
    >>> net = torch.nn.Sequential(torch.nn.Embedding(3, 1), torch.nn.Flatten()).requires_grad_(False)
    >>> _ = net[0].weight.copy_(torch.tensor([[0.0], [2.0], [5.0]]))
    >>> found = effects(reading(Specimen(net, torch.tensor([[1, 2], [2, 1]]))), 1, torch.tensor([1, 2]))
    >>> found.sums.round(decimals=4).tolist()
    [[-2.0, 5.0], [2.0, -5.0]]
    """
    parts, _ = integrated(text, toward, _STEPS)
    column = torch.full((text.embedding.num_embeddings,), len(words))  # the last one takes all other words
    column[words] = torch.arange(len(words))
    columns = column[text.specimen.inputs.cpu().long()]
    sums = torch.zeros(len(columns), len(words) + 1).double()
    return Effects(
        sums.scatter_add(1, columns, parts)[:, :-1],
        sums.scatter_add(1, columns, torch.ones_like(parts))[:, :-1],
    )


@dataclass(frozen=True, eq=False)
class Axis:
    """How effects are told from vectors.

    Attributes:
        middle: the mean vector of the words whose effects are known.
        hat: takes their effects to the axis.
        leverage: how far the effect of each of them decides its own prediction.
    """

    middle: Float[Tensor, " width"]
    hat: Float[Tensor, "width known"]
    leverage: Float[Tensor, " known"]

    def directions(self, ranks: Float[Tensor, "draws known"]) -> Float[Tensor, "draws width"]:
        """The axis for each draw of the effects, not of length one."""
        return ranks @ self.hat.T


def axis_of(vectors: Float[Tensor, "known width"]) -> Axis:
    """Prepare the regression on the vectors of the words whose effects are known.

    >>> axis_of(torch.tensor([[1.0], [-1.0]])).leverage
    tensor([0.7500, 0.7500])
    """
    middle = vectors.mean(0)
    centred = vectors - middle
    products = centred.T @ centred
    ridge = products.diagonal().mean() * _RIDGE + _TINY
    hat = torch.linalg.solve(products + ridge * torch.eye(len(products)).to(products), centred.T)
    return Axis(middle, hat, (centred * hat.T).sum(1) + 1 / len(vectors))


def coordinates(
    vectors: Float[Tensor, "words width"],
    known: Int[Tensor, " known"],
    amounts: Float[Tensor, "draws known"],
) -> Float[Tensor, "draws words"]:
    """Where words lie along the axis that all others make, as distances from the median word.

    Arguments:
        vectors: of all words.
        known: the places of the words whose effects are known.
        amounts: their mean effects.

    >>> vectors = torch.tensor([[1.0, 0.0], [1.0, 0.2], [-1.0, 0.0], [-1.0, 0.1], [0.0, 0.1]])
    >>> known, amounts = torch.arange(4), torch.tensor([[2.0, 1.0, -1.0, -2.0]])
    >>> coordinates(vectors, known, amounts).sign().tolist()
    [[1.0, 1.0, -1.0, -1.0, 0.0]]
    """
    axis, ranks = axis_of(vectors[known]), centred_ranks(amounts)
    directions = axis.directions(ranks)
    along = directions @ (vectors - axis.middle).T
    others = (along[:, known] - axis.leverage * ranks) / (1 - axis.leverage).clamp(min=_TINY)
    sizes: Tensor = torch.linalg.vector_norm(directions, dim=1, keepdim=True)
    along = along.index_copy(1, known, others) / sizes.clamp(min=_TINY)
    return along - along.quantile(0.5, dim=1, keepdim=True)


def centred_ranks(amounts: Float[Tensor, "draws words"]) -> Float[Tensor, "draws words"]:
    """Ranks from −½ to ½, those of equal amounts shared.

    >>> centred_ranks(torch.tensor([[7.0, 3.0, 7.0, -1.0]])).tolist()
    [[0.25, -0.125, 0.25, -0.375]]
    """
    from scipy.stats import rankdata  # type: ignore[import-untyped]  # takes long to load

    count = amounts.shape[1]
    ranks: Tensor = torch.as_tensor(rankdata(amounts.numpy(), axis=1)).to(amounts)
    return (ranks - (count + 1) / 2) / count


def places_of(words: Int[Tensor, " words"], used: Int[Tensor, " used"]) -> Int[Tensor, " words"]:
    """Where words are among those that are used, both in rising order.

    >>> places_of(torch.tensor([4, 9]), torch.tensor([1, 4, 9]))
    tensor([1, 2])
    """
    return torch.searchsorted(used, words)


def coordinates_of(text: Text, toward: int, words: Int[Tensor, " words"]) -> Float[Tensor, " used"]:
    """Where the words that the texts use lie on the axis of the network as it stands.

    Arguments:
        text: texts, and the network that reads them.
        toward: number of the class.
        words: those that make the axis.
    """
    used = (text.uses > 0).nonzero().view(-1)
    amounts = effects(text, toward, words).means(torch.ones(1, len(text.real)).double())
    return coordinates(text.vectors[used], places_of(words, used), amounts)[0]
