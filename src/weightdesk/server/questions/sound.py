"""What the network sounds like, where its examples are moments of a sound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from weightdesk.errors import OptionError
from weightdesk.server.questions.question import Question, Step, Turns, finite
from weightdesk.server.session import Session
from weightdesk.server.wire import Floats, Message
from weightdesk.training.preparation import Preparation, prepare
from weightdesk.training.recipe import Recipe
from weightdesk.training.standardise import Standardisation


class Track(Message):
    """An input: `gain` is its weight where the network is one neuron, `planted` what made the target."""

    name: str
    gain: float | None
    planted: float | None


class Sound(Message):
    """All moments in the order of time, in the target's own units, `rate` of them a second."""

    outputs: Floats
    target: Floats
    rate: int
    tracks: tuple[Track, ...]


class SoundQuestion(Question[Sound]):
    """What does the network make of the whole sound after these turns, and what should it?"""

    kind: ClassVar[str] = "sound"
    runs: ClassVar[bool] = True

    step: Step
    turns: Turns = ()

    def answer(self, session: Session) -> Sound:
        """Run all examples, those that were learned from and those that were not."""
        prepared, rate = _prepared(session)
        dataset, scales = prepared.dataset, prepared.stored["standardisation"]
        known = {name: Standardisation.from_dict(each) for name, each in scales.items()}
        inputs = known["inputs"].apply(dataset.inputs) if "inputs" in known else dataset.inputs
        with session.network(self.step, self.turns) as (network, _start, state), torch.no_grad():
            outputs = functional_call(network, dict(state.values), (inputs,))
            gains = _gains(network, state.values, known)
        if "targets" in known:
            outputs = known["targets"].revert(outputs)
        return Sound(
            outputs=outputs[:, 0],
            target=dataset.targets[:, 0],
            rate=rate,
            tracks=tuple(
                Track(
                    name=name,
                    gain=None if gains is None else finite(gains[place].item()),
                    planted=dataset.planted.get(name),
                )
                for place, name in enumerate(dataset.feature_names)
            ),
        )


def _prepared(session: Session) -> tuple[Preparation, int]:
    recipe = session.run.recipe
    rate = None if recipe is None else recipe["dataset"].get("sample_rate")
    if recipe is None or rate is None:
        raise OptionError("only the recipes radio and mixdown can be heard: their examples are sounds")
    found: Preparation = session.kept(
        "sound", session.run.path, lambda: prepare(Recipe.from_dict(session.recipe))
    )
    return found, rate


def _gains(
    network: nn.Module, values: Mapping[str, Tensor], known: Mapping[str, Standardisation]
) -> Tensor | None:
    """By how much each input counts, in the units of the data; None where it is no plain sum."""
    layers = [name for name, each in network.named_modules() if name and not any(each.children())]
    if len(layers) != 1 or not isinstance(network.get_submodule(layers[0]), nn.Linear):
        return None
    gains = values[f"{layers[0]}.weight"][0].double()
    if "inputs" in known:
        gains = gains / torch.tensor(known["inputs"].scale, dtype=torch.float64)
    return gains * known["targets"].scale[0] if "targets" in known else gains
