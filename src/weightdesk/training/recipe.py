"""Everything that decides what a training does: with it the same training can be run again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from weightdesk.errors import OptionError, closest
from weightdesk.training.activations import ACTIVATIONS
from weightdesk.training.data.source import Source, find_source
from weightdesk.training.defaults import defaults, network_defaults
from weightdesk.training.initialisers import INITIALISERS, SPREAD
from weightdesk.training.networks import NETWORKS
from weightdesk.training.optimizers import OPTIMIZERS
from weightdesk.training.options import (
    LARGEST_SEED,
    check_all,
    choice,
    flag,
    option,
    optional,
    real,
    sizes,
    whole,
    wrong,
)
from weightdesk.training.schedules import SCHEDULES

_MOST_STEPS = 10**12  # a year of steps that take 30 µs

DERIVED = ("dataset", "split", "standardisation")
"""What a stored recipe says besides its options: found out from the data, not asked for."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One training, completely: data, network, optimizer, regularisers, seed and length.

    Make one with `Recipe.create`, which knows the good defaults of each data set.

    Raises:
        OptionError: an option has an unknown or impossible value.

    >>> Recipe.create("mixdown", l1=0.01).network
    'neuron'
    """

    data: Source
    network: str = option(choice(NETWORKS), "mlp, cnn or neuron; of text textcnn or transformer")
    layers: tuple[int, ...] = option(
        sizes, "units of each hidden layer, filters of each convolution, or hidden units of each block"
    )
    embedding: int = option(whole(at_least=1), "numbers that stand for a word, in a network of text", 64)
    heads: int = option(whole(at_least=1), "attention heads of each block of a transformer", 4)
    activation: str = option(choice(ACTIVATIONS), "activation function of the hidden layers")
    init: str = option(choice(INITIALISERS), "how the weights start")
    init_std: float = option(real(above=0), "standard deviation of --init normal or uniform", SPREAD)
    optimizer: str = option(choice(OPTIMIZERS), "rule that turns gradients into steps")
    lr: float = option(real(above=0), "learning rate")
    schedule: str = option(choice(SCHEDULES), "how the learning rate changes over the training")
    batch: int = option(whole(at_least=1), "examples in one step")
    steps: int | None = option(optional(whole(1, _MOST_STEPS)), "length in optimizer steps", None)
    epochs: int | None = option(optional(whole(at_least=1)), "length in passes over the data", None)
    l1: float = option(real(at_least=0), "weight of the sum of |w|, by proximal steps: exact zeros", 0.0)
    l2: float = option(real(at_least=0), "weight of the sum of w² in the loss", 0.0)
    weight_decay: float = option(real(at_least=0), "decoupled decay of the weights", 0.0)
    max_norm: float | None = option(optional(real(above=0)), "largest norm of the weights into a unit", None)
    dropout: float = option(real(at_least=0, below=1), "share of hidden units left out in training", 0.0)
    early_stop: int | None = option(
        optional(whole(at_least=1)), "stop after so many epochs without a better validation loss", None
    )
    validation: float = option(
        real(at_least=0, below=1), "share of the examples that watch the training", 0.1
    )
    test: float = option(real(at_least=0, below=1), "share of the examples that judge it at the end", 0.2)
    standardise: bool = option(flag, "bring inputs, and amounts to predict, to mean 0 and spread 1", True)
    seed: int = option(
        whole(0, LARGEST_SEED),
        "seed of the weights, the order and dropout: the same seed gives the same bits",
        0,
    )

    def __post_init__(self) -> None:
        check_all(self)
        if (self.steps is None) == (self.epochs is None):
            raise OptionError("--steps and --epochs both set the length: give one of them")
        if self.validation + self.test >= 1:
            raise wrong(
                "validation", f"below {1 - self.test:g} to leave examples to train on", self.validation
            )
        if self.early_stop is not None and not self.validation:
            raise OptionError("--early-stop watches the validation loss: give --validation a share above 0")

    @classmethod
    def create(cls, source: str | Path, **options: Any) -> Recipe:
        """Return the recipe for a built-in data set or for a path, with good defaults.

        Arguments:
            source: a name such as `"digits"`, or a file or folder whose kind is found out; with the
                option `text` a table holds texts.
            options: fields of `Recipe` and `Source` that shall differ; None means not given.

        Raises:
            OptionError: an option is unknown or has an impossible value.
            DataError: nothing that can be read is at the path.

        >>> Recipe.create("digits", seed=3, layers="8,16").layers
        (8, 16)

        """
        kind, path = find_source(source)
        given = {name: value for name, value in options.items() if value is not None}
        _refuse_unknown(given, _askable(cls))
        if kind == "table" and "text" in given:
            kind = "texts"
        chosen = {**_usual(kind, given), **given}
        of_source = {name: chosen.pop(name) for name in _names(Source) if name in chosen}
        return cls(data=Source(kind=kind, path=path, **of_source), **chosen)

    def changed(self, **options: Any) -> Recipe:
        """Return this recipe with some options other than they are.

        A new optimizer comes with its usual learning rate, and a new length replaces the old one.

        Arguments:
            options: fields of `Recipe` and `Source`; None means as it is.

        Raises:
            OptionError: an option is unknown or has an impossible value.

        >>> recipe = Recipe.create("xor", epochs=3).changed(steps=50, optimizer="sgd")
        >>> recipe.steps, recipe.epochs, recipe.lr
        (50, None, 0.1)

        """
        given = {name: value for name, value in options.items() if value is not None}
        _refuse_unknown(given, _askable(type(self)))
        of_source = {name: given.pop(name) for name in _names(Source) if name in given}
        return replace(self, data=replace(self.data, **of_source), **{**_following(given), **given})

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, from which `from_dict` makes the same recipe.

        >>> recipe = Recipe.create("xor")
        >>> Recipe.from_dict(recipe.to_dict()) == recipe
        True
        """
        return {**asdict(self), "layers": list(self.layers)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Recipe:
        """Return the recipe that a run stored.

        Raises:
            OptionError: a name or a value is unknown.

        """
        options = {name: value for name, value in stored.items() if name not in DERIVED}
        _refuse_unknown(options, _names(cls))
        data = options.get("data")
        if not isinstance(data, Mapping):
            raise wrong("data", "a mapping with the source of the data", data)
        _refuse_unknown(data, _names(Source))
        missing = sorted(_required(cls) - set(options)) + sorted(_required(Source) - set(data))
        if missing:
            raise OptionError(
                f"the recipe lacks {', '.join(missing)}; it needs every option without a default"
            )
        return cls(**{**options, "data": Source(**data)})


def _usual(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults that still make sense next to what the user gave."""
    usual = dict(defaults(kind))
    if given.get("network", usual["network"]) != usual["network"]:
        usual |= network_defaults(given["network"])
    if given.get("optimizer", usual["optimizer"]) != usual["optimizer"] and given["optimizer"] in OPTIMIZERS:
        usual["lr"] = OPTIMIZERS[given["optimizer"]].lr
    if given.get("optimizer", usual["optimizer"]) == "adamw":
        usual["weight_decay"] = 0.01
    if "steps" in given or "epochs" in given:
        usual |= {"steps": None, "epochs": None}
    return usual


def _following(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what changes together with the options that were given."""
    changes: dict[str, Any] = {}
    if "steps" in given or "epochs" in given:
        changes = {"steps": None, "epochs": None}
    if given.get("optimizer") in OPTIMIZERS:
        changes["lr"] = OPTIMIZERS[given["optimizer"]].lr
    return changes


def _askable(recipe: type) -> set[str]:
    """Return the options that people give; the rest is found out."""
    return {*_names(recipe), *_names(Source)} - {"data", "kind", "path", "content_hash"}


def _names(options: type) -> list[str]:
    return [each.name for each in fields(options)]


def _required(options: type) -> set[str]:
    instance_defaults = vars(options)
    return {name for name in _names(options) if name not in instance_defaults}


def _refuse_unknown(given: Mapping[str, Any], known: list[str] | set[str]) -> None:
    for name in given:
        if name not in known:
            raise OptionError(f"there is no option {name!r}: {closest(name, known)}")
