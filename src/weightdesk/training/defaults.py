"""What each recipe uses where its user says nothing: values that reach good results in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from weightdesk.training.data.source import PLANE

_GENERAL: Mapping[str, Any] = {
    "network": "mlp",
    "layers": (64, 32),
    "activation": "relu",
    "init": "he_normal",
    "optimizer": "adamw",
    "lr": 3e-3,
    "schedule": "cosine",
    "batch": 64,
    "epochs": 40,
}

_PICTURES = {"network": "cnn", "layers": (32, 64), "dropout": 0.25}
_PLANE = {"layers": (32, 32), "lr": 1e-2, "epochs": 100}
_TEXT = {
    "network": "textcnn",
    "layers": (32, 32, 32, 32),
    "dropout": 0.5,
    "init": "xavier_uniform",
    "lr": 5e-3,
    "steps": 240,  # as many for few texts as for many: more learn the texts by heart
    "epochs": None,
}
_NEURON = {
    "network": "neuron",
    "layers": (),
    "optimizer": "momentum",
    "schedule": "constant",
    "standardise": False,
    "epochs": None,
}

_SPECIAL: Mapping[str, Mapping[str, Any]] = {
    "digits": {**_PICTURES, "dropout": 0.4, "epochs": 20},
    "idx": {**_PICTURES, "epochs": 3, "batch": 128},
    "images": {**_PICTURES, "epochs": 30},
    **dict.fromkeys(PLANE, _PLANE),
    "breast-cancer": {"layers": (16,), "epochs": 20, "dropout": 0.3},
    "diabetes": {"layers": (16,), "epochs": 30, "dropout": 0.2},
    "reviews": {
        **_TEXT,
        "layers": (32, 96, 96, 32),
        "embedding": 32,
        "lr": 1e-2,
        "steps": 300,
        "examples": 8000,
    },
    "texts": _TEXT,
    "shapes": {**_PICTURES, "layers": (8, 16, 32, 32), "dropout": 0.0, "epochs": 16, "examples": 7200},
    "radio": {**_NEURON, "lr": 0.05, "batch": 1000, "steps": 300},
    "mixdown": {**_NEURON, "lr": 0.05, "batch": 4096, "steps": 400},
}

_OF_NETWORK: Mapping[str, Mapping[str, Any]] = {
    "cnn": {"layers": (32, 64)},
    "mlp": {"layers": (64, 32)},
    "neuron": {"layers": (), "dropout": 0.0},
    "textcnn": {"layers": (32, 32, 32, 32)},
    "transformer": {"layers": (64, 64), "lr": 5e-3, "dropout": 0.2, "steps": None, "epochs": 10},
}


def defaults(kind: str) -> Mapping[str, Any]:
    """Return the options of a recipe, by the kind of its data.

    >>> defaults("digits")["network"]
    'cnn'
    """
    return MappingProxyType({**_GENERAL, **_SPECIAL.get(kind, {})})


def network_defaults(network: str) -> Mapping[str, Any]:
    """Return what changes where the user asks for another network than the recipe's own.

    >>> network_defaults("neuron")["layers"]
    ()
    """
    return _OF_NETWORK.get(network, {})
