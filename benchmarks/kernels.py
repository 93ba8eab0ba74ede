"""Full statistics of 124 million float32 weights beside `tensor.sum()` and six torch reductions."""

from __future__ import annotations

import sys

import torch
from reporting import Row, markdown, median_seconds

from weightdesk.statistics.measure import measure as measure_tensors

# The parameters of a 12-layer transformer of width 768 with a vocabulary of 50,257.
SHAPES = [(50_257, 768), (1024, 768)] + [
    shape
    for _ in range(12)
    for shape in [
        (768,),
        (768,),
        (2304, 768),
        (2304,),
        (768, 768),
        (768,),
        (768,),
        (768,),
        (3072, 768),
        (3072,),
        (768, 3072),
        (768,),
    ]
]


def six_reductions(tensors: list[torch.Tensor]) -> None:
    """What a user would write."""
    for tensor in tensors:
        tensor.mean(), tensor.std(), tensor.abs().mean(), tensor.min(), tensor.max(), torch.histc(tensor, 512)


def measure() -> list[Row]:
    """Measure bytes a second of each way."""
    generator = torch.Generator().manual_seed(0)
    tensors = [torch.randn(shape, generator=generator) * 0.02 for shape in SHAPES]
    size = sum(tensor.nbytes for tensor in tensors)
    ours, total, six = [], [], []
    for _ in range(5):  # side by side, since the machine is noisy
        ours.append(median_seconds(lambda: measure_tensors(tensors), 3))
        total.append(median_seconds(lambda: [tensor.sum() for tensor in tensors], 3))
        six.append(median_seconds(lambda: six_reductions(tensors), 1))
    middle = [sorted(times)[2] for times in (ours, total, six)]
    share, faster = middle[1] / middle[0], middle[2] / middle[0]
    weights = sum(tensor.numel() for tensor in tensors)
    return [
        Row(
            f"statistics of {weights / 1e6:.0f} M weights over sum()",
            f"{share:.2f}",
            "≥ 0.33",
            share >= 1 / 3,
        ),
        Row("… over six torch reductions", f"{faster:.0f}×", "≥ 10×", faster >= 10),
        Row("… bytes per second", f"{size / middle[0] / 1e9:.1f} GB/s (sum: {size / middle[1] / 1e9:.1f})"),
    ]


if __name__ == "__main__":
    sys.stdout.write(markdown(measure()) + "\n")
