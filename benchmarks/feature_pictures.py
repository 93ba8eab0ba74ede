"""Feature pictures: the time they take, and the activation they reach, beside Lucent in the same time.

All units of the digits CNN, and 64 units of layers of SqueezeNet at 112 pixels; real examples are all
1,797 digits, and windows of the photographs. Reported is the share of living units whose picture, as it
is, excites the unit at least as much as its strongest real example does.

Lucent (torch-lucent 0.1.8, the PyTorch port of Lucid) is looked for in the folder that the environment
variable WEIGHTDESK_PEERS names, since it wants kornia 0.4.1; to get one:

    pip install --no-deps --target FOLDER torch-lucent kornia==0.4.1 tqdm decorator future

It gets the steps that fit into the time that ours took, the same units in one batch, and on small digits
a jitter in place of its transformations, which are for large pictures. Its pixels have the whole range
and as much contrast as it likes; so its share is also given with the contrast held to that of the
strongest example, as ours is.
"""

from __future__ import annotations

import copy
import os
import sys
import time
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import torch
from reporting import Row, markdown
from squeezenet import WEIGHTS, photographs, squeezenet
from torch import Tensor, nn

from weightdesk.capture import Specimen
from weightdesk.capture.layers import Layer, layers_of
from weightdesk.capture.pictures import Pictures, feature_pictures
from weightdesk.capture.pictures.likeness import Likeness, cut, likeness
from weightdesk.capture.pictures.target import Target
from weightdesk.training import Recipe, prepare
from weightdesk.training.loop import Course

LAYERS, UNITS, SIZE = ("features.0", "features.5.expand3x3", "features.9.expand3x3"), 64, 112
REACH_SHARE, REACH_DIGITS, REACH_SQUEEZENET = 0.8, 20.0, 180.0


@dataclass(frozen=True)
class Case:
    """Pictures of a layer, with the time they took."""

    specimen: Specimen
    layer: Layer
    size: int | None
    found: Pictures
    seconds: float


class _NoRecording:
    cost = 0.0

    def log(self, **values: object) -> None:
        """Keep nothing."""


def measure() -> list[Row]:
    """Both networks."""
    digits = [_case(_digits(), name, None) for name in ("conv1", "conv2", "output")]
    whole = sum(each.seconds for each in digits)
    fits = Row(
        "digits CNN, all 106 units: time", f"{whole:.1f} s", f"≤ {REACH_DIGITS:.0f} s", whole <= REACH_DIGITS
    )
    rows = [fits, *(row for each in digits for row in _rows(f"digits {each.layer.name}", each))]
    if WEIGHTS.exists():
        specimen = Specimen(squeezenet(), photographs())
        for name in LAYERS:
            rows += _squeezenet_rows(_case(specimen, name, SIZE))
    return rows


def _squeezenet_rows(case: Case) -> Iterator[Row]:
    name = f"SqueezeNet {case.layer.name}"
    met = case.seconds <= REACH_SQUEEZENET
    yield Row(f"{name}, {UNITS} units: time", f"{case.seconds:.0f} s", f"≤ {REACH_SQUEEZENET:.0f} s", met)
    yield from _rows(name, case)


def _digits() -> Specimen:
    prepared = prepare(Recipe.create("digits"))
    Course(prepared).run(_NoRecording())
    return Specimen(prepared.model.eval(), torch.cat([each.inputs for each in prepared.parts.values()]))


def _case(specimen: Specimen, name: str, size: int | None) -> Case:
    inputs = cut(specimen.inputs[:1], size)
    layer = next(each for each in layers_of(specimen.model, inputs) if each.name == name)
    units = range(min(UNITS, layer.units))
    start = time.perf_counter()
    found = feature_pictures(specimen, layer, units, size=size)
    return Case(specimen, layer, size, found, time.perf_counter() - start)


def _rows(name: str, case: Case) -> Iterator[Row]:
    found = case.found
    median = found.ratio[found.living].median().item()
    met = found.share >= REACH_SHARE
    yield Row(f"{name}: living units reached ≥ 1.0×", f"{found.share:.0%}", f"≥ {REACH_SHARE:.0%}", met)
    yield Row("… median over the strongest real example", f"{median:.2f}×")
    others, chance = (
        each[found.living] / found.strongest[found.living] for each in (found.others, found.scrambled)
    )
    yield Row("… median in other units' pictures", f"{others.median().item():.2f}×")
    yield Row("… median in pictures from scrambled weights", f"{chance.nanmedian().item():.2f}×")
    if "WEIGHTDESK_PEERS" in os.environ:
        for how, share in _lucent(case).items():
            yield Row(f"… Lucent in the same time{how}: reached ≥ 1.0×", f"{share:.0%}")


def _lucent(case: Case) -> dict[str, float]:
    """The shares that its pictures reach."""
    real = cut(case.specimen.inputs, case.size)
    like, units = likeness(real), len(case.found.names)
    pictures = _lucents_pictures(case, like, units, real.shape[1:])
    target = Target(case.specimen.model, case.layer, torch.eye(case.layer.units)[:units])
    living, strongest = case.found.living, case.found.strongest
    held = like.held(pictures, case.found.contrast)
    shares = [
        (target.strongest(each).diagonal()[living] >= strongest[living]).double().mean().item()
        for each in (pictures, held)
    ]
    return dict(zip(("", ", contrast held"), shares, strict=True))


def _lucents_pictures(case: Case, like: Likeness, units: int, shape: torch.Size) -> Tensor:
    _let_it_load()
    from lucent.optvis import objectives, param, render, transform

    channels, height, _ = shape
    names = case.layer.name.replace(".", "_")
    # a dense layer has no map, and so no neuron at its centre
    of_unit = objectives.channel if case.layer.kind == "Linear" else objectives.neuron
    wanted = sum(of_unit(names, unit, batch=unit) for unit in range(units))
    model = copy.deepcopy(case.specimen.model)  # as it leaves hooks behind
    as_inputs: Callable[[Tensor], Tensor] = lambda picture: like.low + (like.high - like.low) * picture  # noqa: E731
    small = height < 32
    transforms = [*([transform.jitter(2)] if small else transform.standard_transforms), as_inputs]
    channel = {"channels": channels} if channels != 3 else {}
    numbers, pictures = param.image(height, batch=units, **channel)

    def run(steps: int) -> None:
        render.render_vis(
            model, wanted, lambda: (numbers, pictures), transforms=transforms,
            thresholds=(steps,), preprocess=False, progress=False, show_image=False, fixed_image_size=height,
        )  # fmt: skip

    start = time.perf_counter()
    run(2)
    steps = int(case.seconds / (time.perf_counter() - start) * 2)
    numbers, pictures = param.image(height, batch=units, **channel)
    run(max(1, steps))
    return as_inputs(pictures().detach())


def _let_it_load() -> None:
    """Lucent takes from torchvision only `Normalize`, which is not used here; its wheel may not load."""
    warnings.simplefilter("ignore")
    sys.path.append(os.environ["WEIGHTDESK_PEERS"])
    vision, transforms = types.ModuleType("torchvision"), types.ModuleType("torchvision.transforms")
    transforms.Normalize = nn.Identity
    vision.transforms = transforms
    sys.modules.setdefault("torchvision", vision)
    sys.modules.setdefault("torchvision.transforms", transforms)


if __name__ == "__main__":
    sys.stdout.write(markdown(measure()) + "\n")
