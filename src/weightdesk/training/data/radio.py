"""A station to be tuned in with three knobs.

Three aerials each receive the wanted station, a second station and mains hum in other proportions,
and some noise. The wanted signal is a weighted sum of the three, so one neuron can find it: its
weights are the knobs, and least squares knows the best setting.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from weightdesk.training.data.dataset import Dataset
from weightdesk.training.randomness import stream

PROPORTIONS = ((1.0, 0.8, 0.3), (0.6, -0.7, 0.9), (0.9, 0.2, -0.8))
"""What each aerial (row) receives of the station, the other station and the hum."""


def load(examples: int, noise: float, seed: int) -> Dataset:
    """Return what three aerials receive over one second, and what the station sent.

    Arguments:
        examples: moments in the second.
        noise: standard deviation of each aerial's own noise; the station's is 1.
        seed: of the noise.

    >>> load(500, noise=0.1, seed=0).feature_names
    ('aerial 1', 'aerial 2', 'aerial 3')

    """
    time = torch.arange(examples) / examples
    sent = torch.stack([_programme(time), _other(time), _tone(time, 50.0)], dim=1)
    sent = sent / sent.std(dim=0, correction=0)
    received = sent @ torch.tensor(PROPORTIONS).T
    received = received + noise * torch.randn(received.shape, generator=stream(seed, "radio"))
    return Dataset(
        inputs=received,
        targets=sent[:, :1],
        task="regression",
        feature_names=("aerial 1", "aerial 2", "aerial 3"),
        target_names=("station",),
        sample_rate=examples,
    )


def _tone(time: Tensor, hertz: float) -> Tensor:
    return (2 * math.pi * hertz * time).sin()


def _programme(time: Tensor) -> Tensor:
    """A melody of two notes that swells three times."""
    return (1 + 0.6 * _tone(time, 3.0)) * (_tone(time, 11.0) + 0.5 * _tone(time, 17.0))


def _other(time: Tensor) -> Tensor:
    return (1 + 0.8 * _tone(time, 2.0)) * (_tone(time, 23.0) + 0.7 * _tone(time, 7.0))
