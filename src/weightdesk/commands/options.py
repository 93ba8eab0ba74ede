"""The options of `train`, written out in a table so that its help needs no torch.

A test compares them with the fields of `Recipe` and `Source`, so that neither can drift.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

import typer

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Option:
    """One option of the command line.

    Attributes:
        name: the parameter that takes it; one that Python keeps for itself has a `_` behind it.
        panel: its group in the help.
        value: what stands for its value there; "" for a switch.
        what: what it does.
        choices: the values to choose from, where they are worth telling.

    >>> Option("max_norm", "Regularisers", "NUMBER", "largest norm").flag
    '--max-norm'
    """

    name: str
    panel: str
    value: str
    what: str
    choices: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """What is typed."""
        return f"--{self.name.rstrip('_').replace('_', '-')}"

    @property
    def help(self) -> str:
        """What it does, with the values to choose from."""
        return self.what + (f": {', '.join(self.choices)}" if self.choices else "")

    def parameter(self) -> inspect.Parameter:
        """The option as a parameter of a command; None stands for "not given"."""
        # Values stay text: the recipe itself says what is wrong with one, in one voice for all.
        kind: Any = str | None if self.value else bool | None
        declared = typer.Option(
            self.flag if self.value else f"{self.flag}/--no-{self.flag[2:]}",
            help=self.help,
            metavar=self.value or None,
            rich_help_panel=self.panel,
            show_default=False,
        )
        return inspect.Parameter(
            self.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, declared]
        )


# fmt: off
RECIPE: Final = (
    Option("target", "Data", "COLUMN", "column to predict, in a table"),
    Option("text", "Data", "COLUMN", "column of texts to predict it from, in a table"),
    Option("vocabulary", "Data", "COUNT", "most words of the training texts that a network of text knows"),
    Option("task", "Data", "NAME", "classification or regression, where the targets leave it open"),
    Option("examples", "Data", "COUNT", "number of examples of a made-up set"),
    Option("noise", "Data", "NUMBER", "noise of a made-up set"),
    Option("image_size", "Data", "COUNT", "pixels a side to which pictures of a folder are scaled"),
    Option("validation", "Data", "SHARE", "share of the examples that watch the training"),
    Option("test", "Data", "SHARE", "share of the examples that judge it at the end"),
    Option("standardise", "Data", "", "bring inputs, and amounts to predict, to mean 0 and spread 1"),
    Option("data_seed", "Data", "SEED",
           "seed of the split and of a made-up set: the same for all seeds of the training"),
    Option("network", "Network", "NAME", "mlp, cnn or neuron; of text textcnn or transformer"),
    Option("layers", "Network", "128,64",
           "units of each hidden layer, filters of each convolution, or hidden units of each block"),
    Option("embedding", "Network", "COUNT", "numbers that stand for a word, in a network of text"),
    Option("heads", "Network", "COUNT", "attention heads of each block of a transformer"),
    Option("activation", "Network", "NAME", "activation function of the hidden layers",
           ("relu", "leaky_relu", "tanh", "sigmoid", "gelu")),
    Option("init", "Network", "NAME", "how the weights start",
           ("zeros", "constant", "normal", "uniform", "xavier_uniform", "xavier_normal", "he_uniform",
            "he_normal", "lecun_normal", "orthogonal", "default")),
    Option("init_std", "Network", "NUMBER", "standard deviation of --init normal or uniform"),
    Option("seed", "Network", "SEED",
           "seed of the weights, the order and dropout: the same seed gives the same bits"),
    Option("optimizer", "Optimizer", "NAME", "rule that turns gradients into steps",
           ("sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw")),
    Option("lr", "Optimizer", "NUMBER", "learning rate"),
    Option("schedule", "Optimizer", "NAME", "how the learning rate changes over the training",
           ("constant", "cosine", "step")),
    Option("batch", "Optimizer", "COUNT", "examples in one step"),
    Option("l1", "Regularisers", "NUMBER", "weight of the sum of |w|, by proximal steps: exact zeros"),
    Option("l2", "Regularisers", "NUMBER", "weight of the sum of w² in the loss"),
    Option("weight_decay", "Regularisers", "NUMBER", "decoupled decay of the weights"),
    Option("max_norm", "Regularisers", "NUMBER", "largest norm of the weights into a unit"),
    Option("dropout", "Regularisers", "SHARE", "share of hidden units left out in training"),
    Option("early_stop", "Regularisers", "COUNT",
           "stop after so many epochs without a better validation loss"),
    Option("steps", "Length", "COUNT", "length in optimizer steps"),
    Option("epochs", "Length", "COUNT", "length in passes over the data"),
)
"""What decides what a training does: fields of `Recipe` and of its `Source`."""

RECORDING: Final = (
    Option("run", "Recording", "DIR", "where the run goes; runs/NAME where left out"),
    Option("cost", "Recording", "SHARE",
           "share of the training's time that recording may take, 0.02 where left out; none for no limit"),
    Option("disk", "Recording", "SIZE", "most bytes that the run may need, 2GB where left out"),
    Option("every", "Recording", "COUNT", "take a snapshot at every so many steps, whatever it needs"),
    Option("again", "Recording", "RUN", "train once more by the recipe of this run, and compare the weights"),
)
"""What decides what is kept of it."""

START: Final = (
    Option("from_", "Start", "FILE",
           "go on from these weights, with a fresh optimizer: a file of `weightdesk turn --save`, a run or "
           "a snapshot in it; the options are those of its run where left out"),
    Option("step", "Start", "STEP", "which snapshot of the run; the last one where left out"),
    Option("data", "Start", "FILE",
           "the data of the run that --again or --from names, if they lie neither in the working directory "
           "nor beside the run"),
)
"""What decides where it begins."""
# fmt: on


def takes(*options: Option) -> Callable[[Command], Command]:
    """Let a command take these options in place of its `**` parameter.

    >>> @takes(*RECORDING)
    ... def train(source: str, **options: object) -> None: ...
    >>> list(inspect.signature(train).parameters)[:3]
    ['source', 'run', 'cost']
    """

    def give(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
        parameters = [*own, *(option.parameter() for option in options)]
        command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return command

    return give
