"""Synthetic data in the raw units in which data arrive; the same seed gives the same data."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

PICTURE = 12
"""Pixels along the side of a picture."""


def shares(classes: int, first: float) -> list[float]:
    """The first class's share of the examples, and the rest in equal parts.

    >>> shares(3, 0.5)
    [0.5, 0.25, 0.25]
    """
    return [first] + [(1 - first) / (classes - 1)] * (classes - 1)


def patterns(count: int, seed: int, first: float = 0.2) -> tuple[Tensor, Tensor]:
    """Grey pictures (count, 1, 12, 12) from 0 to 255: stripes of three directions, checks, rings."""
    random = np.random.default_rng(seed)
    labels = random.choice(5, count, p=shares(5, first))
    y, x = np.mgrid[:PICTURE, :PICTURE] - PICTURE / 2
    pictures = []
    for label in labels:
        period, phase, other = random.uniform(3.5, 5.5), *random.uniform(0, 2 * np.pi, 2)
        scale = 2 * np.pi / period
        radius = np.hypot(y - random.uniform(-2, 2), x - random.uniform(-2, 2))
        wave = (
            np.sin(scale * y + phase),
            np.sin(scale * x + phase),
            np.sin(scale * (x + y) / np.sqrt(2) + phase),
            np.sign(np.sin(scale * y + phase) * np.sin(scale * x + other)),
            np.sin(scale * radius + phase),
        )[label]
        pictures.append(127 + random.uniform(25, 70) * wave + random.normal(0, 40, y.shape))
    return _tensor(np.clip(pictures, 0, 255)[:, None]), torch.from_numpy(labels)


def shapes(count: int, seed: int, first: float = 0.25) -> tuple[Tensor, Tensor]:
    """Colour pictures (count, 3, 12, 12) from 0 to 255: a disc, a frame, a cross or a triangle."""
    random = np.random.default_rng(seed)
    labels = random.choice(4, count, p=shares(4, first))
    pictures = []
    for label in labels:
        size = random.uniform(2.6, 3.8)
        y, x = np.mgrid[:PICTURE, :PICTURE] - random.uniform(4.5, 6.5, 2)[:, None, None]
        square = np.maximum(abs(y), abs(x))
        inside = (
            np.hypot(y, x) < size,
            (square < size) & (square > size - 1.5),
            (np.minimum(abs(y), abs(x)) < 1) & (square < size),
            (square < size) & (x < y),
        )[label]
        ground, colour = random.uniform(20, 110, 3), random.uniform(130, 235, 3)
        picture = np.where(inside, colour[:, None, None], ground[:, None, None])
        pictures.append(picture + random.normal(0, 20, picture.shape))
    return _tensor(np.clip(pictures, 0, 255)), torch.from_numpy(labels)


def pulses(count: int, seed: int, first: float = 0.25) -> tuple[Tensor, Tensor]:
    """Millivolts (count, 24, 3): an early and a late pulse, each up or down, which make four classes."""
    random = np.random.default_rng(seed)
    labels = random.choice(4, count, p=shares(4, first))
    times = np.arange(24)
    signals = random.normal(0, 0.3, (count, 24, 3))
    for signal, label in zip(signals, labels, strict=True):
        for sign, place in ((label // 2, random.uniform(3, 7)), (label % 2, random.uniform(14, 19))):
            pulse = (2 * sign - 1) * random.uniform(1, 2) * np.exp(-(((times - place) / 1.2) ** 2))
            signal += pulse[:, None] * [1, 0.6, -0.4]
        signal[:, 2] += random.normal() * times / 24  # a drift that means nothing
    return _tensor(1500 + 300 * signals), torch.from_numpy(labels)


def sentences(count: int, seed: int, first: float = 0.25) -> tuple[Tensor, Tensor]:
    """Tokens (count, 16) from 1 to 31, padded with 0: the topic with the most keywords names the class.

    Topic k has the keywords 3k + 1 to 3k + 3.
    """
    random = np.random.default_rng(seed)
    labels = random.choice(4, count, p=shares(4, first))
    tokens = np.zeros((count, 16), dtype=np.int64)
    for row, topic in zip(tokens, labels, strict=True):
        length = random.integers(9, 17)
        words = random.integers(13, 32, length)
        others = (topic + random.permutation(3)[:2] + 1) % 4
        for place, theme in enumerate([topic] * 4 + [others[0]] * 2 + [others[1]]):
            words[place] = 3 * theme + random.integers(1, 4)
        row[:length] = random.permutation(words)
    mislabelled = random.random(count) < 0.04  # as people do
    labels = np.where(mislabelled, random.integers(0, 4, count), labels)
    return torch.from_numpy(tokens), torch.from_numpy(labels)


def machines(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Six readings of a machine in SI units (count, 6), and its power, of mean 0 and deviation near 1."""
    random = np.random.default_rng(seed)
    unit = random.uniform(-1, 1, (count, 6))
    a, b, c, d, e, f = unit.T
    power = np.sin(2.5 * a) + 1.5 * b * c + d**2 - 0.33 + 0.5 * e + 0.3 * f
    temperature, pressure, flow = 300 + 15 * a, 1e5 + 8e3 * b, 2e-3 + 1e-3 * c
    speed, opening, length = 1500 + 900 * d, 0.5 + 0.4 * e, 0.025 + 0.02 * f
    readings = np.stack([temperature, pressure, flow, speed, opening, length], axis=1)
    return _tensor(readings), _tensor(power + random.normal(0, 0.3, count))


def demand(hours: int, seed: int) -> Tensor:
    """Electric power of a town in kW (hours,): a day's and a week's rhythm, and weather that lasts."""
    random = np.random.default_rng(seed)
    weather, now = np.zeros(hours), 0.0
    for hour, shock in enumerate(random.normal(0, 250, hours)):
        weather[hour] = now = 0.9 * now + shock
    time = np.arange(hours)
    day = np.sin(2 * np.pi * time / 24 + random.uniform(0, 6)) + 0.4 * np.sin(4 * np.pi * time / 24)
    return _tensor(20_000 + 3_000 * day + 1_200 * np.sin(2 * np.pi * time / 168) + weather)


def copies(count: int, seed: int, half: int = 6, vocabulary: int = 12) -> Tensor:
    """Token sentences (count, 2 half + 1): random tokens from 1, a separator 0, the same with errors."""
    random = np.random.default_rng(seed)
    words = random.integers(1, vocabulary, (count, half))
    again = np.where(random.random(words.shape) < 0.05, random.integers(1, vocabulary, words.shape), words)
    return torch.from_numpy(np.concatenate([words, np.zeros((count, 1), dtype=np.int64), again], axis=1))


def waves(count: int, seed: int, first: float = 0.25) -> tuple[Tensor, Tensor]:
    """Counts of a 12-bit converter (count, 2, 64): a sine, a square, a sawtooth or a chirp."""
    random = np.random.default_rng(seed)
    labels = random.choice(4, count, p=shares(4, first))
    time = np.linspace(0, 1, 64)
    signals = []
    for label in labels:
        cycles, phase = random.uniform(2.5, 4.5), random.uniform(0, 1)
        turn = cycles * time + phase
        wave = (
            np.sin(2 * np.pi * turn),
            np.sign(np.sin(2 * np.pi * turn)),
            2 * (turn % 1) - 1,
            np.sin(2 * np.pi * (turn + 1.5 * cycles * time**2)),
        )[label]
        both = random.uniform(0.7, 1.3) * np.stack([wave, np.roll(wave, random.integers(3, 6))])
        signals.append(both + random.normal(0, 0.25, both.shape))
    return _tensor(2048 + 500 * np.array(signals)), torch.from_numpy(labels)


def _tensor(values: object) -> Tensor:
    return torch.tensor(np.asarray(values), dtype=torch.float32)
