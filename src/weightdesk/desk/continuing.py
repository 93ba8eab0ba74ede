"""Go on learning from turned weights, as a new recorded run.

This is the one place where the desk begins a recording, so it is loaded only when somebody asks for it.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any, Final, TypeAlias

import torch
from jaxtyping import Int64
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.optim import Optimizer
from torch.utils._pytree import tree_map

from weightdesk.desk.ancestry import parent_of
from weightdesk.desk.outcomes.defaultloss import default_loss
from weightdesk.desk.outcomes.examples import check_targets
from weightdesk.desk.state import State
from weightdesk.errors import OptionError, closest
from weightdesk.explain.batch import Batch, batch_of
from weightdesk.explain.compiled import as_written
from weightdesk.explain.loss import Loss
from weightdesk.explain.tracing import call
from weightdesk.runs import Parent, Run, open_run

OptimizerChoice: TypeAlias = str | Callable[[Iterable[nn.Parameter]], Optimizer]
"""A name out of `torch.optim`, or what makes an optimizer of parameters."""

DEFAULT_LR: Final = 1e-3


def train(
    model: nn.Module,
    state: State,
    run: Run | None,
    probe_set: tuple[Any, Any],
    loss: Loss | None,
    steps: int,
    directory: str | os.PathLike[str],
    *,
    inputs: Any = None,
    targets: Any = None,
    **options: Any,
) -> Run:
    """Train a copy of a model from the weights of a state on; see `go_on` for the options.

    Arguments:
        model: the desk's own; it stays as it is.
        state: the weights to begin with.
        run: whose weights they were before they were turned.
        probe_set: inputs and targets of the desk: learned from where no others are given, and `run.json`
            says so, for what the desk then shows is no longer judged by unseen examples.
        loss: takes outputs and targets, gives a scalar; None: the one that the targets ask for.
        steps: number of optimizer steps.
        directory: where the new run goes.
        inputs: to learn from.
        targets: one for each of the inputs.
        options: see `go_on`.
    """
    if (inputs is None) != (targets is None):
        raise OptionError(
            "inputs and targets to learn from go together: pass both, or none for the probe set"
        )
    parent = parent_of(state, run)
    if inputs is None:
        inputs, targets = probe_set
        parent = replace(parent, examples="the desk's probe set")
    learner = copy.deepcopy(model)
    with torch.no_grad():
        for name, each in learner.named_parameters():
            each.copy_(state.values[name])
    return go_on(learner, inputs, targets, loss or default_loss, steps, directory, parent, **options)


def go_on(
    model: nn.Module,
    inputs: Any,
    targets: Any,
    loss: Loss,
    steps: int,
    directory: str | os.PathLike[str],
    parent: Parent,
    *,
    optimizer: OptimizerChoice = "AdamW",
    lr: float | None = None,
    batch: int = 32,
    seed: int = 0,
    **budget: Any,
) -> Run:
    """Train a model and record it; `run.json` names what it goes on from.

    The optimizer begins afresh. Dropout is on; layers with running statistics, such as batch norm, use
    and keep those they have, so that the trained weights mean the same on the desk that shows them.

    Arguments:
        model: with the weights to go on from; it is trained in place.
        inputs: to learn from; a tensor, a tuple or a mapping, the examples on the first axis.
        targets: one for each example.
        loss: takes outputs and targets, gives a scalar.
        steps: number of optimizer steps.
        directory: where the new run goes.
        parent: where the weights come from.
        optimizer: its name in `torch.optim`, or what makes one of parameters, with its own learning rate.
        lr: learning rate of a named optimizer; 0.001 where left out.
        batch: examples in one step, drawn without replacement until all were seen.
        seed: of their order and of dropout; torch's random numbers stay as they are.
        budget: `cost`, `disk` and `every` of the recording.

    Raises:
        OptionError: an option that is out of range, or nothing to learn from.
        RunExistsError: the directory holds a run.

    >>> model, inputs = nn.Linear(2, 1), torch.randn(8, 2)
    >>> loss = nn.functional.mse_loss
    >>> run = go_on(model, inputs, inputs.sum(1, keepdim=True), loss, 4, "memory://on", Parent("runs/a", 8))
    >>> run.last_step, run.manifest.parent["step"]
    (4, 8)
    """
    from weightdesk.recording import watch

    examples = batch_of(inputs)
    _check(steps, batch, targets, examples)
    moving = [each for each in model.parameters() if each.requires_grad]
    chosen = make_optimizer(optimizer, moving, lr)
    order = _batches(examples.size, batch, seed)
    recording = watch(model, chosen, directory, parent=parent.to_dict(), seeds={"seed": seed}, **budget)
    with _seeded(seed), _learning(model), as_written(), recording:
        for places in islice(order, steps):
            chosen.zero_grad()
            value = loss(
                call(model, examples.take(inputs, places)), _targets_of(targets, places, examples.size)
            )
            value.backward()  # type: ignore[no-untyped-call]
            recording.log(loss=value.detach())
            chosen.step()
    return open_run(recording.directory)


def make_optimizer(choice: OptimizerChoice, parameters: list[nn.Parameter], lr: float | None) -> Optimizer:
    """The optimizer that is asked for, over parameters.

    Raises:
        OptionError: there is none of this name, or it is given a learning rate and has its own.

    >>> make_optimizer("sgdd", [nn.Parameter(torch.ones(1))], 0.1)
    Traceback (most recent call last):
    weightdesk.errors.OptionError: torch.optim has no optimizer 'sgdd'; did you mean sgd?
    """
    if not parameters:
        raise OptionError("no parameter of the model requires a gradient, so none can learn; unfreeze some")
    if callable(choice):
        if lr is not None:
            raise OptionError("an optimizer that is made by a function has its own lr: leave lr out")
        return choice(parameters)
    known = _optimizers()
    if str(choice).lower() not in known:
        raise OptionError(f"torch.optim has no optimizer {choice!r}; {closest(str(choice).lower(), known)}")
    rate = DEFAULT_LR if lr is None else lr
    if not rate > 0:
        raise OptionError(f"lr must be a number above 0, got {lr}")
    return known[choice.lower()](parameters, lr=rate)


def _optimizers() -> Mapping[str, Callable[..., Optimizer]]:
    """Those of torch that need nothing but parameters, a learning rate and gradients."""
    found = {name.lower(): each for name, each in vars(torch.optim).items() if isinstance(each, type)}
    return {name: each for name, each in found.items() if issubclass(each, Optimizer)}


def _check(steps: int, batch: int, targets: Any, examples: Batch) -> None:
    for name, value in (("steps", steps), ("batch", batch)):
        if not isinstance(value, int) or value < 1:
            raise OptionError(f"{name} must be a whole number of at least 1, got {value!r}")
    if targets is None:
        raise OptionError("there are no targets to learn from; pass inputs and targets to train")
    if examples.axis is None or not examples.size:
        raise OptionError("the inputs hold no examples to learn from; pass tensors with examples on axis 0")
    check_targets(targets, examples.size)


def _targets_of(targets: Any, places: Int64[Tensor, " batch"], count: int) -> Any:
    """The targets of some examples; those of tokens may lie in one long row."""

    def taken(each: Any) -> Any:
        if not isinstance(each, Tensor) or not each.ndim or len(each) % count:
            return each
        return each.reshape(count, -1, *each.shape[1:])[places.to(each.device)].flatten(0, 1)

    return tree_map(taken, targets)


def _batches(count: int, batch: int, seed: int) -> Iterator[Tensor]:
    """Places of the examples of each batch, without end, each pass in a new order."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.split(torch.randperm(count, generator=generator), batch)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


@contextmanager
def _learning(model: nn.Module) -> Iterator[None]:
    """Training mode but for layers that would change their running statistics."""
    modes = {module: module.training for module in model.modules()}
    model.train()
    for module in model.modules():
        if isinstance(module, _NormBase) and module.track_running_stats:
            module.eval()
    try:
        with torch.enable_grad():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode
