"""A four-second piece on eight tracks, and a mix of five of them: the mixing board for real.

The mix is the sum of the tracks times their gains; three tracks do not belong to it and have gain
0. One neuron that hears the tracks and must reproduce the mix has the gains as its weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from weightdesk.training.data.dataset import Dataset

SAMPLE_RATE = 8000
SECONDS = 4
BEAT = 0.5  # seconds: 120 beats a minute

GAINS: Mapping[str, float] = MappingProxyType(
    {
        "kick": 0.9,
        "snare": 0.6,
        "hihat": 0.3,
        "bass": 0.8,
        "chords": 0.5,
        "lead": 0.0,
        "strings": 0.0,
        "bell": 0.0,
    }
)
"""Gain of each track in the mix; a gain of 0 marks a track that does not belong."""

CHORDS = ((57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62))  # A minor, F, C, G as MIDI notes
MELODY = (76, 79, 81, 79, 77, 76, 72, 74, 79, 76, 77, 72, 74, 71, 74, 79)

Sound = Float[ndarray, " samples"]


def load() -> Dataset:
    """Return the tracks (each of power 1), the mix and the gains that made it.

    >>> [name for name, gain in load().planted.items() if gain == 0]
    ['lead', 'strings', 'bell']
    """
    sounds = [_compose(play, beats) for play, beats in _SCORE.values()]
    tracks = np.stack([sound / np.sqrt(np.mean(sound**2)) for sound in sounds], axis=1)
    mix = tracks @ np.array(list(GAINS.values()))
    return Dataset(
        inputs=torch.from_numpy(tracks).float(),
        targets=torch.from_numpy(mix).float().unsqueeze(1),
        task="regression",
        feature_names=tuple(GAINS),
        target_names=("mix",),
        planted=dict(GAINS),
        sample_rate=SAMPLE_RATE,
    )


def _compose(play: Callable[[float], Sound], notes: tuple[tuple[float, float], ...]) -> Sound:
    """Add up the notes of one track, each given as its beat and its pitch in MIDI numbers."""
    track = np.zeros(SAMPLE_RATE * SECONDS)
    for beat, pitch in notes:
        start = round(beat * BEAT * SAMPLE_RATE)
        sound = play(440.0 * 2 ** ((pitch - 69) / 12))[: len(track) - start]
        track[start : start + len(sound)] += sound
    return track


def _time(seconds: float) -> Sound:
    return np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _partials(hertz: float, seconds: float, strengths: tuple[float, ...]) -> Sound:
    time = _time(seconds)
    tones = [each * np.sin(2 * np.pi * hertz * k * time) for k, each in enumerate(strengths, start=1)]
    return np.asarray(np.sum(tones, axis=0))


def _decay(sound: Sound, per_second: float) -> Sound:
    return sound * np.exp(-per_second * _time(len(sound) / SAMPLE_RATE))


def _swell(sound: Sound) -> Sound:
    """Fade in and out over half a sine wave."""
    return sound * np.sin(np.pi * np.arange(len(sound)) / len(sound))


def _kick(hertz: float) -> Sound:
    """A sine that falls from five times its pitch within a few hundredths of a second."""
    time = _time(0.3)
    phase = hertz * (time + 4 * 0.03 * (1 - np.exp(-time / 0.03)))
    return _decay(np.sin(2 * np.pi * phase), 12)


def _snare(hertz: float) -> Sound:
    noise = np.random.default_rng(1).standard_normal(len(_time(0.2)))
    return _decay(noise + _partials(hertz, 0.2, (1.0,)), 22)


def _hihat(hertz: float) -> Sound:
    """Noise without its low half: the difference of neighbouring samples."""
    noise = np.random.default_rng(round(hertz)).standard_normal(len(_time(0.06)) + 1)
    return _decay(np.diff(noise), 60)


def _bass(hertz: float) -> Sound:
    return _decay(_partials(hertz, 0.45, (1.0, 0.5, 0.25)), 3)


def _chord(hertz: float) -> Sound:
    return _decay(_partials(hertz, 1.9, (1.0, 0.3, 0.2, 0.1)), 1.5)


def _lead(hertz: float) -> Sound:
    return _decay(_partials(hertz, 0.24, (1.0, 0.0, 0.33, 0.0, 0.2)), 2)


def _strings(hertz: float) -> Sound:
    return _swell(_partials(hertz * 1.003, 1.9, (1.0, 0.5, 0.33)))


def _bell(hertz: float) -> Sound:
    """Partials that are no whole multiples, as of a bell."""
    return _decay(_partials(hertz, 1.5, (1.0,)) + 0.6 * _partials(hertz * 2.76, 1.5, (1.0,)), 4)


_SCORE: Mapping[str, tuple[Callable[[float], Sound], tuple[tuple[float, float], ...]]] = {
    "kick": (_kick, tuple((beat, 33) for beat in (0, 2, 2.5, 4, 6, 7.5))),
    "snare": (_snare, tuple((beat, 55) for beat in (1, 3, 5, 7))),
    "hihat": (_hihat, tuple((k / 2, 60 + k) for k in range(16))),
    "bass": (_bass, tuple((k, CHORDS[k // 2][0] - 24) for k in range(8))),
    "chords": (_chord, tuple((2 * bar, pitch) for bar in range(4) for pitch in CHORDS[bar])),
    "lead": (_lead, tuple((k / 2, pitch) for k, pitch in enumerate(MELODY))),
    "strings": (_strings, tuple((2 * bar, CHORDS[bar][1] + 12) for bar in range(4))),
    "bell": (_bell, ((0.25, 88), (3.25, 91), (5.75, 86))),
}
