"""From a recipe to everything a loop needs: tensors, model, optimizer, objective."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from weightdesk.properties import Property
from weightdesk.training.data import Dataset, content_hash, load
from weightdesk.training.initialisers import initialise
from weightdesk.training.networks import build
from weightdesk.training.objective import Objective
from weightdesk.training.optimizers import OPTIMIZERS, make_optimizer
from weightdesk.training.plans import plan_of
from weightdesk.training.randomness import seeded, stream
from weightdesk.training.recipe import Recipe
from weightdesk.training.regularisers import regularise
from weightdesk.training.split import split
from weightdesk.training.standardise import Standardisation, fit
from weightdesk.training.vocabulary import known_words


@dataclass(frozen=True)
class Examples:
    """Standardised inputs and targets of one part of the data, and what else is true of them."""

    inputs: Tensor
    targets: Tensor
    properties: tuple[Property, ...] = ()

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Preparation:
    """A training that is ready to start.

    Arguments:
        recipe: with the hash of the user's files filled in.
        dataset: as loaded, before standardisation; texts in the words that the training part knows.
        parts: the examples of `train`, `validation` and `test`; an empty part is left out.
        model: with its initial weights, in training mode.
        objective: what is minimised.
        stored: the recipe with what was found out from the data, as plain JSON values.

    """

    recipe: Recipe
    dataset: Dataset
    parts: Mapping[str, Examples]
    model: nn.Module
    objective: Objective
    stored: Mapping[str, Any]

    @cached_property
    def optimizer(self) -> Optimizer:
        """Over the model, regularised; made when it is asked for, as torch takes a second to load one."""
        return _optimizer(self.recipe, self.model)

    def steps(self) -> int:
        """Return how many optimizer steps the training takes."""
        if self.recipe.steps is not None:
            return self.recipe.steps
        return (self.recipe.epochs or 0) * self.steps_per_epoch()

    def steps_per_epoch(self) -> int:
        """Return how many batches make a pass over the training part."""
        return -(-len(self.parts["train"]) // self.recipe.batch)

    def measure(self, part: str, at_most: int | None = None) -> dict[str, float]:
        """Return loss and scores on a part of the data, or on so many of its examples, evenly spread."""
        examples = self.parts[part]
        spread = slice(None, None, max(1, -(-len(examples) // (at_most or len(examples)))))
        return self.objective.measure(self.model, examples.inputs[spread], examples.targets[spread])

    def measure_all(self) -> dict[str, dict[str, float]]:
        """Return loss and scores on each part of the data."""
        return {part: self.measure(part) for part in self.parts}

    def batches(self) -> Iterator[Tensor]:
        """Yield the places of the examples of each batch, without end, each pass in a new order."""
        order = stream(self.recipe.seed, "order")
        while True:
            permutation = torch.randperm(len(self.parts["train"]), generator=order)
            yield from torch.split(permutation, self.recipe.batch)


def prepare(recipe: Recipe) -> Preparation:
    """Load and split the data, build the model; nothing is written and no caller's state changed.

    Raises:
        DataError: the data cannot be used as they are.
        OptionError: the network does not fit the data.

    >>> prepare(Recipe.create("xor", layers=8)).model
    Sequential(
      (hidden1): Linear(in_features=2, out_features=8, bias=True)
      (relu1): ReLU()
      (output): Linear(in_features=8, out_features=2, bias=True)
    )

    """
    dataset = load(recipe.data)
    recipe = replace(recipe, data=replace(recipe.data, content_hash=content_hash(recipe.data)))
    dealt = split(dataset, validation=recipe.validation, test=recipe.test, seed=recipe.data.data_seed)
    if dataset.tokens:
        dataset = known_words(dataset, dealt.train, recipe.data.vocabulary)
    scales = _standardisations(recipe, dataset, dealt.train)
    inputs = scales["inputs"].apply(dataset.inputs) if "inputs" in scales else dataset.inputs
    targets = scales["targets"].apply(dataset.targets) if "targets" in scales else dataset.targets
    places = {"train": dealt.train, "validation": dealt.validation, "test": dealt.test}
    stored = {
        **recipe.to_dict(),
        "dataset": dataset.describe(),
        "split": dealt.sizes(),
        "standardisation": {name: scale.to_dict() for name, scale in scales.items()},
    }
    model = rebuild(stored)
    return Preparation(
        recipe=recipe,
        dataset=dataset,
        parts={
            name: Examples(
                inputs[part], targets[part], tuple(each.of_examples(part) for each in dataset.properties)
            )
            for name, part in places.items()
            if len(part)
        },
        model=model,
        objective=Objective(dataset.task, scales["targets"].scale if "targets" in scales else (1.0,)),
        stored=stored,
    )


def rebuild(stored: Mapping[str, Any]) -> nn.Module:
    """Build the model of a run, with its initial weights, from the recipe that the run stored.

    Arguments:
        stored: the recipe as `run.json` has it; the data themselves are not needed.

    Raises:
        OptionError: this is not a whole stored recipe.

    >>> rebuild(prepare(Recipe.create("radio")).stored)
    Sequential(
      (output): Linear(in_features=3, out_features=1, bias=True)
    )

    """
    recipe = Recipe.from_dict(stored)
    with seeded(recipe.seed):
        model = build(recipe.network, plan_of(recipe, stored))
        initialise(model, recipe.init, recipe.activation, recipe.init_std)
    return model


def _standardisations(recipe: Recipe, dataset: Dataset, train: Tensor) -> dict[str, Standardisation]:
    if not recipe.standardise:
        return {}
    scales = {} if dataset.tokens else {"inputs": fit(dataset.inputs[train])}
    if dataset.task == "regression":
        scales["targets"] = fit(dataset.targets[train])
    return scales


def _optimizer(recipe: Recipe, model: nn.Module) -> Optimizer:
    chosen = OPTIMIZERS[recipe.optimizer]
    optimizer = make_optimizer(recipe.optimizer, model, lr=recipe.lr, weight_decay=recipe.weight_decay)
    regularise(
        optimizer,
        l1=recipe.l1,
        max_norm=recipe.max_norm,
        weight_decay=0.0 if chosen.decouples else recipe.weight_decay,
    )
    return optimizer
