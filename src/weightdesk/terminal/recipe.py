"""A stored recipe in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from weightdesk.runs import Parent, Run

_DAMAGED: Final = (AttributeError, KeyError, TypeError)  # what reading a recipe of any shape may raise
_UNKNOWN: Final = "unknown"


def announcement(run: Run) -> str:
    """The line that stands before a training: network, weights, examples, and where it is kept.

    One that goes on from other weights says from which, and that the optimizer begins afresh.
    """
    recipe = run.recipe or {}
    weights = sum(each.size for each in run.parameters.values())
    train, held_out = (recipe["split"][part] for part in ("train", "validation"))
    parent = run.manifest.parent
    before = f"going on from {Parent.from_dict(parent)} with a fresh optimizer; " if parent else ""
    return (
        f"training {network(recipe)} with {weights:,} weights on {train:,} examples of {source(recipe)}, "
        f"{held_out:,} more held out; {before}recorded in {run.path}"
    )


def source(recipe: Mapping[str, Any]) -> str:
    """The built-in data set, or the file, that a stored recipe trains on; of a damaged recipe "unknown".

    >>> source({"data": {"kind": "table", "path": "/home/ada/wine.csv"}}), source({"data": [1]})
    ('wine.csv', 'unknown')
    """
    try:
        data = recipe["data"]
        return str(data.get("path", "")).replace("\\", "/").rpartition("/")[2] or str(data["kind"])
    except _DAMAGED:
        return _UNKNOWN


def network(recipe: Mapping[str, Any]) -> str:
    """The network of a stored recipe, with the sizes from its inputs to its outputs; else "unknown".

    >>> shape = {"input_shape": [1, 8, 8], "outputs": 10}
    >>> network({"network": "cnn", "layers": [32, 64], "dataset": shape}), network({"layers": 3})
    ('cnn 1×8×8 → 32 → 64 → 10', 'unknown')
    """
    try:
        shape, layers = recipe["dataset"], list(map(str, recipe["layers"]))
        if recipe["network"] == "textcnn":  # its convolutions stand side by side
            layers = [" + ".join(layers)]
        sizes = ["×".join(map(str, shape["input_shape"])), *layers, shape["outputs"]]
        return f"{recipe['network']} {' → '.join(map(str, sizes))}"
    except _DAMAGED:
        return _UNKNOWN
