"""Ablation of every weight of a layer: weightdesk beside the loop that zeroes one weight after the other.

The loop is timed on a seeded sample of weights in single precision, in the same run, and scaled. Its
changes of the loss in double precision are the truth that errors are measured against. Networks are
trained first: on Fashion-MNIST where `--pictures` names a folder with its files, else on clusters with
sparse features.
"""

from __future__ import annotations

import argparse
import copy
import gzip
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from reporting import Row, markdown
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.explain.importance import Importance, importance

LOOP_SAMPLE = 20
SECONDS_FOR_CONVOLUTION = 60.0


@dataclass(frozen=True)
class Check:
    """The loop over a sample of weights.

    Attributes:
        seconds: of one pass of it, in the model's own precision.
        truth: change of the loss of each, in double precision.
    """

    seconds: float
    truth: Tensor


def measure(pictures: Path | None) -> list[Row]:
    """Measure the networks of the reach."""
    inputs, targets = _pictures(pictures, 10_000) if pictures else _clusters(10_000)
    rows = _mlp("784-128-64-10, first layer", (784, 128, 64, 10), ["0.weight"], inputs, targets, 200)
    wide = ["0.weight", "2.weight", "4.weight"]
    rows += _mlp("784-512-512-10, all layers", (784, 512, 512, 10), wide, inputs, targets, 500)
    return rows + _convolution(inputs[:500].reshape(-1, 1, 28, 28), targets[:500])


def _mlp(
    title: str, widths: tuple[int, ...], names: list[str], inputs: Tensor, targets: Tensor, reach: int
) -> list[Row]:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    _train(model, inputs, targets)
    ours = loop = error = stated = 0.0
    engines = []
    for name in names:
        began = time.perf_counter()
        result = importance(model, inputs, targets, functional.cross_entropy, name)
        ours += time.perf_counter() - began
        sample = _sample(result.values, LOOP_SAMPLE)
        check = _loop(model, inputs, targets, name, sample)
        loop += check.seconds * result.values.numel()
        error = max(error, float((result.values.flatten()[sample] - check.truth).abs().max()))
        stated = max(stated, result.error)
        engines.append(result.engine)
    sys.stderr.write("\n".join(engines) + "\n")
    ratio = loop / ours
    return [
        Row(f"{title}: faster than the loop", f"{ratio:.0f}×", f"≥ {reach}×", ratio >= reach),
        Row("… seconds (the loop)", f"{ours:.1f} ({loop:.0f})"),
        Row("… largest error of a change of the loss", f"{error:.1e}", "≤ 1e-6", error <= 1e-6),
        Row("… the error that the result states", f"{stated:.1e}", "≤ 1e-6", stated <= 1e-6),
    ]


def _convolution(pictures: Tensor, targets: Tensor) -> list[Row]:
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(128, 128, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(128, 10),
    )  # fmt: skip
    _train(model, pictures, targets, steps=100)
    single = _convolved(model, pictures, targets)
    double = _convolved(copy.deepcopy(model).double(), pictures.double(), targets)
    exact = (single.exact & double.exact).flatten().nonzero()[:, 0]
    rest = (~(single.exact | double.exact)).flatten().nonzero()[:, 0]
    chosen = exact[_sample(single.values.flatten()[exact], 8)]
    left = rest[_sample(single.values.flatten()[rest], 8)]
    check = _loop(model, pictures, targets, "5.weight", torch.cat([chosen, left]))
    truth, missed = check.truth.split([len(chosen), len(left)])
    rows = []
    for precision, result, reach in (("single", single, "-"), ("double", double, "≤ 1e-5")):
        count = int(result.exact.sum())
        ratio = check.seconds / (result.seconds / count)
        values = result.values.flatten()
        error = float((values[chosen] - truth).abs().max() / truth.abs().max())
        off = float((values[left] - missed).abs().max())
        rows += [
            Row(
                f"CNN, 3×3×64→128, in {precision}: faster than the loop",
                f"{ratio:.0f}×",
                "≥ 20×",
                ratio >= 20,
            ),
            Row("… computed exactly, of 73728 weights", f"{count} in {result.seconds:.0f} s"),
            Row("… error over the largest change", f"{error:.1e}", reach, error <= 1e-5),
            Row("… error over the loss", f"{error * float(truth.abs().max()) / result.baseline:.1e}"),
            Row("… estimates off by", f"{off:.1e}", f"≤ the stated {result.bound:.1e}", off <= result.bound),
        ]
    return rows


def _convolved(model: nn.Module, pictures: Tensor, targets: Tensor) -> Importance:
    return importance(
        model,
        pictures,
        targets,
        functional.cross_entropy,
        "5.weight",
        "auto",
        seconds=SECONDS_FOR_CONVOLUTION,
    )


def _loop(model: nn.Module, inputs: Tensor, targets: Tensor, name: str, sample: Tensor) -> Check:
    """Zero one weight after the other: timed as the model is, for the truth in double precision."""
    seconds, _ = _timed(lambda: _zeroed(model, inputs, targets, name, sample))
    single = {key: each.clone() for key, each in model.state_dict().items()}
    model.double()
    truth = _zeroed(model, inputs.double(), targets, name, sample)
    model.float().load_state_dict(single)
    return Check(seconds / len(sample), truth)


@torch.no_grad()
def _zeroed(model: nn.Module, inputs: Tensor, targets: Tensor, name: str, sample: Tensor) -> Tensor:
    weights = model.get_parameter(name).view(-1)
    base = float(functional.cross_entropy(model(inputs), targets))
    changes = []
    for index in sample.tolist():
        kept = weights[index].clone()
        weights[index] = 0
        changes.append(float(functional.cross_entropy(model(inputs), targets)) - base)
        weights[index] = kept
    return torch.tensor(changes, dtype=torch.float64)


def _sample(values: Tensor, count: int) -> Tensor:
    """Places: half at random, half with the largest values."""
    drawn = torch.randint(values.numel(), (count // 2,), generator=torch.Generator().manual_seed(1))
    return torch.cat([drawn, values.flatten().abs().topk(min(count // 2, values.numel())).indices])


def _timed(task: Callable[[], Tensor]) -> tuple[float, Tensor]:
    began = time.perf_counter()
    done = task()
    return time.perf_counter() - began, done


def _train(model: nn.Module, inputs: Tensor, targets: Tensor, steps: int = 400) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        batch = torch.randint(len(inputs), (128,), generator=generator)
        optimizer.zero_grad()
        functional.cross_entropy(model(inputs[batch]), targets[batch]).backward()
        optimizer.step()


def _pictures(folder: Path, count: int) -> tuple[Tensor, Tensor]:
    """The test pictures of Fashion-MNIST, or of MNIST, and their classes."""
    pictures, labels = (
        gzip.decompress((folder / f"t10k-{kind}-ubyte.gz").read_bytes())
        for kind in ("images-idx3", "labels-idx1")
    )
    inputs = torch.frombuffer(bytearray(pictures[16:]), dtype=torch.uint8).reshape(-1, 784)[:count]
    return inputs.float() / 255, torch.frombuffer(bytearray(labels[8:]), dtype=torch.uint8)[:count].long()


def _clusters(count: int) -> tuple[Tensor, Tensor]:
    """Ten clusters in 784 features, half of which are zero in each example."""
    generator = torch.Generator().manual_seed(0)
    targets = torch.randint(0, 10, (count,), generator=generator)
    centres = torch.rand(10, 784, generator=generator)
    inputs = (centres[targets] + 0.7 * torch.randn(count, 784, generator=generator)).clamp(min=0)
    return inputs * (torch.rand(count, 784, generator=generator) < 0.7), targets


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, help="folder with t10k-images-idx3-ubyte.gz and its labels")
    sys.stdout.write(markdown(measure(parser.parse_args().pictures)) + "\n")
