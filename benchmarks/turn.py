"""A turned weight: the outputs and the loss that follow, beside a forward pass of the whole network.

Each turn sets one randomly chosen weight to another value, never the same one twice in a row. Turned and
full passes alternate, so that whatever else the machine does slows both. The loss of the probe set is
compared with that of the quicker of two peers: a forward pass in one batch, and one in the same chunks.
"""

from __future__ import annotations

import argparse
import gc
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from networks import GPT
from reporting import Row, markdown
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from weightdesk.desk.edits import Setting
from weightdesk.desk.engine import Engine, Lane, open_engine
from weightdesk.desk.places import Place
from weightdesk.desk.state import State

SHOWN = 16
LAYERS = 8  # of a deep network, from the first to the last


@dataclass(frozen=True, eq=False)
class Subject:
    """A network with its probe set.

    Attributes:
        name: for the table.
        model: in evaluation mode.
        inputs: of the probe set.
        targets: classes.
    """

    name: str
    model: nn.Module
    inputs: Tensor
    targets: Tensor

    def layers(self) -> list[str]:
        """Names of the weights, in the order in which they are used."""
        return [name for name, each in self.model.named_parameters() if each.ndim > 1]

    def loss(self, outputs: Tensor, examples: slice) -> float:
        """Summed over examples."""
        targets = self.targets[examples]
        return functional.cross_entropy(outputs.flatten(0, -2), targets.flatten(), reduction="sum").item()


class Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after)
        self.conv2, self.norm2 = nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)
        self.shortcut = (
            nn.Identity()
            if stride == 1
            else nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Add what the convolutions find to the shortcut."""
        y = functional.relu_(self.norm1(self.conv1(x)))
        return functional.relu_(self.norm2(self.conv2(y)).add_(self.shortcut(x)))


def mlp(count: int = 10_000) -> Subject:
    """784-512-512-10."""
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    return Subject("MLP", model.eval(), torch.randn(count, 784), torch.randint(10, (count,)))


def cnn(count: int = 2_000) -> Subject:
    """Four convolutions on 32×32."""
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(128, 128, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(128, 10),
    )  # fmt: skip
    return Subject("CNN", model.eval(), torch.randn(count, 3, 32, 32), torch.randint(10, (count,)))


def gpt(count: int = 64, length: int = 32) -> Subject:
    """Four layers, width 256, tokens out of 512."""
    model = GPT(vocabulary=512, length=length)
    tokens = torch.randint(512, (count, length))
    name = f"GPT, {length} tokens"
    return Subject(name, model.eval(), tokens, torch.randint(512, (count, length)))


def longer_gpt() -> Subject:
    """The same with 64 tokens an example."""
    return gpt(length=64)


def resnet(count: int = 64) -> Subject:
    """The shape of ResNet-18 at 64×64."""
    widths = (64, 64, 128, 256, 512)
    blocks: list[nn.Module] = [
        nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
    ]  # fmt: skip
    for stage in range(1, 5):
        stride = 1 if stage == 1 else 2
        blocks += [
            Residual(widths[stage - 1], widths[stage], stride),
            Residual(widths[stage], widths[stage], 1),
        ]
    model = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))
    return Subject("ResNet-18", model.eval(), torch.randn(count, 3, 64, 64), torch.randint(10, (count,)))


@dataclass(frozen=True, eq=False)
class Opened:
    """A subject with its engine.

    Attributes:
        subject: the network.
        start: the state without edits.
        engine: what answers.
        seconds: that opening took.
    """

    subject: Subject
    start: State
    engine: Engine
    seconds: float

    def turned(self, name: str, draw: torch.Generator, start: State | None = None) -> State:
        """One weight of a parameter set to a value of the usual size."""
        values = self.start.values[name]
        index = tuple(int(torch.randint(size, (), generator=draw)) for size in values.shape)
        value = float(torch.randn((), generator=draw) * values.std())
        return (start or self.start).with_edit(Setting(Place(name, index), value))

    def chunks(self) -> list[slice]:
        """The probe set in chunks."""
        count, chunk = len(self.subject.inputs), self.engine.chunk
        return [slice(start, min(start + chunk, count)) for start in range(0, count, chunk)]


def measure(turns: int = 60, makers: Sequence[Callable[[], Subject]] = ()) -> list[Row]:
    """Measure all networks."""
    makers = makers or (mlp, cnn, gpt, longer_gpt, resnet)
    torch.manual_seed(0)
    rows: list[Row] = []
    for make in makers:
        subject = make()
        began = time.perf_counter()
        start = State.of(subject.model)
        engine = open_engine(subject.model, subject.inputs, start, memory=2_500_000_000)
        opened = Opened(subject, start, engine, time.perf_counter() - began)
        sys.stderr.write(f"{subject.name}: {engine.name}, chunks of {engine.chunk}, {opened.seconds:.1f} s\n")
        rows += _shown(opened, turns) + _probe(opened)
        if subject.name == "MLP":
            rows += _long(opened)
        del opened, engine
        gc.collect()
    return rows


@torch.no_grad()
def _shown(opened: Opened, turns: int) -> list[Row]:
    """Turns of any layer, on the chosen example and on those shown."""
    name = opened.subject.name
    rows = []
    for count, median, highest in ((1, 5.0, 16.0), (SHOWN, 16.0, None)):
        if name == "ResNet-18" and count == 1:
            continue
        lane = opened.engine.lane(slice(0, count))
        inputs = opened.subject.inputs[:count]
        full = statistics.median(_times(lambda _, inputs=inputs: opened.subject.model(inputs), range(9)))
        for title, states in (("", _apart(opened, turns)), (", on top of each other", _piled(opened, turns))):
            took = sorted(_times(lane.outputs, states))
            middle, top = statistics.median(took), took[int(0.99 * len(took))]
            reach = median if name != "ResNet-18" and not title else None
            top_reach = highest if not title else None
            rows += [
                Row(
                    f"{name}, {count} shown{title}: median of a turn",
                    f"{middle:.2f} ms (a forward pass {full:.2f})",
                    f"≤ {reach} ms" if reach else "-",
                    not reach or middle <= reach,
                ),
                Row(
                    "… 99th percentile",
                    f"{top:.2f} ms",
                    f"≤ {top_reach} ms" if top_reach else "-",
                    not top_reach or top <= top_reach,
                ),
            ]
        if name == "ResNet-18":
            rows += _layers_shown(opened, opened.engine.lane(slice(0, count)), inputs)
    return rows


def _layers_shown(opened: Opened, lane: Lane, inputs: Tensor) -> list[Row]:
    layers = opened.subject.layers()
    ratios = [_beside(opened, layer, lane, lambda: opened.subject.model(inputs), 9) for layer in layers]
    last = max(ratios[-(len(ratios) // 3) :])
    return [
        Row("… first layer over a forward pass", f"{ratios[0]:.2f}", "≤ 1.05", ratios[0] <= 1.05),
        Row("… slowest layer of the last third", f"{last:.3f}", "≤ 0.2", last <= 0.2),
        Row("… slowest layer", f"{max(ratios):.2f}"),
    ]


def _beside(opened: Opened, layer: str, lane: Lane, full: Callable[[], Any], repeats: int) -> float:
    """Time of a turn over that of a full pass, both in turn."""
    draw = torch.Generator().manual_seed(2)
    turned, passed = [], []
    for _ in range(repeats):
        state = opened.turned(layer, draw)
        turned += _times(lane.outputs, [state])
        passed += _times(lambda _: full(), [None])
    return statistics.median(turned) / statistics.median(passed)


@torch.no_grad()
def _probe(opened: Opened, repeats: int = 5) -> list[Row]:
    """The loss of the whole probe set, layer by layer."""
    subject, chunks, model = opened.subject, opened.chunks(), opened.subject.model

    def whole(_: object = None) -> float:
        return subject.loss(model(subject.inputs), slice(None))

    def parts(_: object = None) -> float:
        return sum(subject.loss(model(subject.inputs[each]), each) for each in chunks)

    # Whichever peer is quicker; a pass before building says how long building may take.
    one, several = (statistics.median(_times(each, range(3))) for each in (whole, parts))
    peer, way = (whole, "in one batch") if one < several else (parts, "in chunks")
    began = time.perf_counter()
    lanes = [opened.engine.lane(each) for each in chunks]
    building = 1e3 * (time.perf_counter() - began)

    def turned(state: State) -> float:
        pairs = zip(lanes, chunks, strict=True)
        return sum(subject.loss(lane.outputs(state), each) for lane, each in pairs)

    layers = subject.layers()
    layers = [*layers[: -1 : -(-len(layers) // LAYERS)], layers[-1]]
    ratios = {layer: _ratio(opened, layer, turned, peer, repeats) for layer in layers}
    for layer, ratio in ratios.items():
        sys.stderr.write(f"  {layer}: {ratio:.2f}×\n")
    found = list(ratios.values())
    last = min(found[-(len(found) // 3) :])
    judged = subject.name in ("MLP", "CNN")
    count = len(subject.inputs)
    return [
        Row(
            f"{subject.name}, loss of {count}: first layer, quicker than a forward pass {way}",
            f"{found[0]:.2f}×",
            "≥ 1.5×" if judged else "≥ 0.95×",
            found[0] >= (1.5 if judged else 0.95),
        ),
        Row(
            "… last third, slowest layer",
            f"{last:.1f}×",
            "≥ 10×" if judged else "-",
            not judged or last >= 10,
        ),
        Row("… slowest layer of all", f"{min(found):.2f}×", "≥ 0.95×", min(found) >= 0.95),
        Row(
            "… building, over a forward pass",
            f"{building / min(one, several):.2f}",
            "≤ 3",
            building <= 3 * min(one, several),
        ),
        Row("… forward pass in one batch, in chunks", f"{one:.0f} ms, {several:.0f} ms"),
    ]


def _ratio(
    opened: Opened, layer: str, turned: Callable[[State], float], peer: Callable[[], float], repeats: int
) -> float:
    draw = torch.Generator().manual_seed(3)
    ours, theirs = [], []
    for _ in range(repeats):
        state = opened.turned(layer, draw)
        ours += _times(turned, [state])
        theirs += _times(lambda _: peer(), [None])
    return statistics.median(theirs) / statistics.median(ours)


@torch.no_grad()
def _long(opened: Opened, turns: int = 1_000) -> list[Row]:
    """Many turns with undo and redo: what is left of them."""
    lane = opened.engine.lane(slice(0, SHOWN))
    before = functional_call(
        opened.subject.model, dict(opened.start.values), (opened.subject.inputs[:SHOWN],)
    )
    draw = torch.Generator().manual_seed(4)
    state, undone, grown, layers = opened.start, (), [], opened.subject.layers()
    for number in range(turns):
        kind = int(torch.randint(4, (), generator=draw))
        if kind == 0 and state.edits:
            undone = state.edits
            state = state.with_edits(state.edits[:-1])
        elif kind == 1 and undone:
            state, undone = state.with_edits(undone), ()
        elif len(state.edits) < 30:
            state = opened.turned(layers[number % len(layers)], draw, state)
        lane.outputs(state)
        if number % 100 == 99:
            gc.collect()
            grown.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    same = torch.equal(lane.outputs(opened.start), before)
    return [
        Row(
            f"{turns} turns with undo and redo: bits of the outputs at the start",
            "the same" if same else "others",
            "the same",
            same,
        ),
        Row(
            "… memory from the 100th to the last",
            f"{grown[-1] - grown[0]:+.0f} MB",
            "≤ 5 MB",
            grown[-1] - grown[0] <= 5,
        ),
    ]


def _apart(opened: Opened, turns: int) -> Iterator[State]:
    """One weight after the other, each alone."""
    draw, layers = torch.Generator().manual_seed(0), opened.subject.layers()
    for number in range(turns):
        yield opened.turned(layers[number % len(layers)], draw)


def _piled(opened: Opened, turns: int) -> Iterator[State]:
    """One weight after the other, all of them staying as they are turned."""
    draw, layers, state = torch.Generator().manual_seed(1), opened.subject.layers(), opened.start
    for number in range(turns):
        state = opened.turned(layers[number % len(layers)], draw, state)
        yield state


def _times(task: Callable[[Any], object], arguments: Sequence[Any] | Iterator[Any]) -> list[float]:
    """Milliseconds of each call."""
    took = []
    for each in arguments:
        began = time.perf_counter()
        task(each)
        took.append(1e3 * (time.perf_counter() - began))
    return took


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=60, help="turns a figure")
    sys.stdout.write(markdown(measure(parser.parse_args().turns)) + "\n")
