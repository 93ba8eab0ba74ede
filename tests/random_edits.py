"""A small network with every kind of place, and random edits of each kind on it."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from weightdesk.desk.edits import (
    Edit,
    Muting,
    Noise,
    Pruning,
    Rewinding,
    Rounding,
    Scaling,
    Setting,
    Soloing,
    Transplanting,
)
from weightdesk.desk.places import Place
from weightdesk.desk.state import State
from weightdesk.runs.manifest import Manifest, write_manifest
from weightdesk.runs.snapshots import write_snapshot
from weightdesk.runs.stores import open_store

DTYPES = [torch.float32, torch.float64, torch.bfloat16]


class Speaker(nn.Module):
    """A convolution, its normalisation, an attention with two heads, and a head tied to an embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.attn = nn.MultiheadAttention(8, 2)
        self.fc = nn.Linear(8, 5)
        self.embed = nn.Embedding(6, 8)
        self.head = nn.Linear(8, 6)
        self.head.weight = self.embed.weight


@cache
def speaker(dtype: torch.dtype = torch.float32, seed: int = 0) -> Speaker:
    """The network with random weights everywhere, also where they begin as zeros or ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Speaker()
        for parameter in model.parameters():
            nn.init.normal_(parameter)
    return model.to(dtype)


def state_of(dtype: torch.dtype = torch.float32, seed: int = 0) -> State:
    return State.of(speaker(dtype, seed))


_EVERYTHING = {name: np.s_[:] for name, _ in Speaker().named_parameters() if name != "head.weight"}

# What each place means, said once more in NumPy's own words.
PLACES: dict[str, dict[str, object]] = {
    "fc.weight[3,1]": {"fc.weight": np.s_[3, 1]},
    "fc.weight[-1]": {"fc.weight": np.s_[4]},
    "fc.weight[:,1:3]": {"fc.weight": np.s_[:, 1:3]},
    "fc.bias[0:4:2]": {"fc.bias": np.s_[0:4:2]},
    "conv1.weight[1,2]": {"conv1.weight": np.s_[1, 2]},
    "conv1[2]": {"conv1.weight": np.s_[2], "conv1.bias": np.s_[2]},
    "norm[3]": {"norm.weight": np.s_[3], "norm.bias": np.s_[3]},
    "head.weight[2]": {"embed.weight": np.s_[2]},
    "head[-1]": {"embed.weight": np.s_[5], "head.bias": np.s_[5]},
    "conv1": {"conv1.weight": np.s_[:], "conv1.bias": np.s_[:]},
    "fc.weight": {"fc.weight": np.s_[:]},
    "*": _EVERYTHING,
}
HEAD = "attn[head 1/2]"
HEAD_OUTPUTS: dict[str, object] = {"attn.out_proj.weight": np.s_[:, 4:8]}
HEAD_PARTS: dict[str, object] = {
    "attn.in_proj_weight": np.r_[4:8, 12:16, 20:24],
    "attn.in_proj_bias": np.r_[4:8, 12:16, 20:24],
    **HEAD_OUTPUTS,
}


def masks(text: str, values: dict[str, Tensor], *, outputs: bool = False) -> dict[str, Tensor]:
    """Which weights a place of `PLACES`, or the head, means; `outputs`: only those that carry it."""
    meant = PLACES.get(text) or (HEAD_OUTPUTS if outputs else HEAD_PARTS)
    found = {}
    for name, index in meant.items():
        mask = np.zeros(values[name].shape, bool)
        mask[index] = True
        found[name] = torch.from_numpy(mask)
    return found


@cache
def kept_weights() -> tuple[str, str, str]:
    """A run of the same network with snapshots at 0 and 8, and a file of each kind."""
    folder = tempfile.mkdtemp()
    store = open_store(f"{folder}/run")
    first = state_of(seed=1)
    about = [
        {"name": each.name, "shape": each.shape, "dtype": each.dtype, "aliases": each.aliases}
        for each in first.parameters.values()
    ]
    write_manifest(store, Manifest(created="2026-01-31T12:00:00+00:00", model={"parameters": about}))
    for step, seed in ((0, 1), (8, 2)):
        write_snapshot(store, step, state_of(seed=seed).values)
    other = {name: each.clone() for name, each in state_of(seed=3).values.items()}
    save_file(other, f"{folder}/other.safetensors")
    torch.save({"state_dict": other}, f"{folder}/other.pt")
    return f"{folder}/run", str(Path(folder, "other.safetensors")), str(Path(folder, "other.pt"))


def a_place(random: Random) -> Place:
    return Place.parse(random.choice([*PLACES, HEAD]))


def a_number(random: Random) -> float:
    strange = [math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, 1e300]
    return random.choice(strange) if random.random() < 0.2 else random.gauss(0, 2)


def _noise(random: Random) -> Edit:
    return Noise(a_place(random), random.random(), random.randrange(9), random.random() < 0.5)


def _pruning(random: Random) -> Edit:
    if random.random() < 0.5:
        return Pruning(a_place(random), threshold=random.random())
    return Pruning(a_place(random), fraction=random.choice([0, 0.3, random.random(), 1]))


def _rounding(random: Random) -> Edit:
    if random.random() < 0.3:
        return Rounding(a_place(random), dtype=random.choice(["bfloat16", "float16", "float8_e5m2"]))
    return Rounding(a_place(random), random.choice([2, 3, 8, 24]), by=random.choice(["tensor", "row"]))


def _soloing(random: Random) -> Edit:
    text = random.choice([each for each in (*PLACES, HEAD) if "[" in each])
    return Soloing(Place.parse(text))


def _transplanting(random: Random) -> Edit:
    return Transplanting(a_place(random), random.choice(kept_weights()))


MAKERS: dict[str, Callable[[Random], Edit]] = {
    "set": lambda random: Setting(a_place(random), a_number(random)),
    "scale": lambda random: Scaling(a_place(random), a_number(random)),
    "mute": lambda random: Muting(a_place(random)),
    "solo": _soloing,
    "noise": _noise,
    "prune": _pruning,
    "round": _rounding,
    "rewind": lambda random: Rewinding(a_place(random), kept_weights()[0], random.choice([0, 8, -1])),
    "transplant": _transplanting,
}


def an_edit(random: Random) -> Edit:
    return MAKERS[random.choice(list(MAKERS))](random)


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors agree in every bit, NaN and the sign of zero included."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return torch.equal(*(each.contiguous().flatten().view(torch.uint8) for each in (one, other)))
