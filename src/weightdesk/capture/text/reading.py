"""A network that reads texts: where its words enter, and what their numbers stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from weightdesk.capture.activations import BATCH
from weightdesk.capture.specimen import Specimen
from weightdesk.errors import OptionError, closest

_PADDING_NAMES: Final = ("<pad>", "[pad]", "<padding>", "pad", "")
_LOOKED_AT: Final = 8


@dataclass(frozen=True, eq=False)
class Text:
    """A specimen whose inputs are rows of token numbers.

    Attributes:
        specimen: the network and its texts.
        module: the name of the embedding that is given the inputs.
    """

    specimen: Specimen
    module: str

    @property
    def embedding(self) -> nn.Embedding:
        """The embedding of the words."""
        found = self.specimen.model.get_submodule(self.module)
        assert isinstance(found, nn.Embedding)
        return found

    @property
    def vectors(self) -> Float[Tensor, "words width"]:
        """The embedding's weights in float64, a copy."""
        return self.embedding.weight.detach().cpu().double()

    @cached_property
    def padding(self) -> int | None:
        """The number that fills up short texts: the embedding's, or that of a token of such a name."""
        if self.embedding.padding_idx is not None:
            return self.embedding.padding_idx
        named = (n for n, token in enumerate(self.specimen.tokens) if token.lower() in _PADDING_NAMES)
        return next(named, None)

    @cached_property
    def real(self) -> Bool[Tensor, "examples places"]:
        """Where there are words, not padding."""
        inputs = self.specimen.inputs
        return torch.ones_like(inputs, dtype=torch.bool) if self.padding is None else inputs != self.padding

    @cached_property
    def uses(self) -> Int[Tensor, " words"]:
        """How often each word is in the texts; never for padding."""
        return self.specimen.inputs[self.real].cpu().bincount(minlength=self.embedding.num_embeddings)

    def batches(self) -> Iterator[tuple[Int[Tensor, "batch places"], Bool[Tensor, "batch places"]]]:
        """The texts, some at a time, and where they have words."""
        yield from zip(torch.split(self.specimen.inputs, BATCH), torch.split(self.real, BATCH), strict=True)

    def word(self, number: int) -> str:
        """What a token number stands for."""
        tokens = self.specimen.tokens
        return tokens[number] if 0 <= number < len(tokens) else f"token {number}"

    def number(self, word: str) -> int:
        """The token number of a word.

        Raises:
            OptionError: the network does not know it.
        """
        try:
            return self.specimen.tokens.index(word)
        except ValueError:
            raise OptionError(
                f"the network does not know the word {word!r}; {closest(word, self.specimen.tokens)}"
            ) from None

    def with_model(self, model: nn.Module) -> Text:
        """Another network of the same build, on the same texts."""
        return Text(self.specimen.with_model(model), self.module)

    @contextmanager
    def embedded(self, change: Callable[[Tensor], Tensor | None]) -> Iterator[None]:
        """See the embedded words while the network runs, and put others in their place."""
        handle = self.embedding.register_forward_hook(lambda _module, _given, result: change(result))
        try:
            yield
        finally:
            handle.remove()


def reading(specimen: Specimen) -> Text:
    """Find the embedding that is given the inputs.

    Raises:
        OptionError: the inputs are no rows of token numbers, or no `nn.Embedding` is given them.

    >>> net = nn.Sequential(nn.Embedding(5, 2), nn.Flatten(), nn.Linear(6, 2))
    >>> text = reading(Specimen(net, torch.tensor([[1, 4, 0]]), tokens=("<pad>", "a", "b", "c", "d")))
    >>> text.module, text.padding, text.word(4)
    ('0', 0, 'd')
    """
    inputs = specimen.inputs
    if inputs.ndim != 2 or inputs.is_floating_point():
        raise OptionError(
            f"inputs must be rows of token numbers, got shape {tuple(inputs.shape)} of {inputs.dtype}"
        )
    some, found = inputs[:_LOOKED_AT], list[str]()

    def note(name: str) -> Any:
        def hook(_module: nn.Module, given: tuple[Any, ...]) -> None:
            if given and given[0].shape == some.shape and torch.equal(given[0], some):
                found.append(name)

        return hook

    modules = specimen.model.named_modules()
    handles = [
        each.register_forward_pre_hook(note(name)) for name, each in modules if isinstance(each, nn.Embedding)
    ]
    try:
        with torch.no_grad():
            specimen.model(some)
    finally:
        for handle in handles:
            handle.remove()
    if not found:
        raise OptionError(f"{type(specimen.model).__name__} gives its inputs to no nn.Embedding")
    return Text(specimen, found[0])
