"""What decides a result, as short names under which it is kept."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn

from weightdesk.capture.specimen import Specimen


def of_weights(model: nn.Module) -> str:
    """The digest of all parameters and buffers of a network, with their names, and of its structure.

    >>> net = nn.Linear(2, 1)
    >>> before = of_weights(net)
    >>> _ = torch.nn.init.zeros_(net.weight)
    >>> before == of_weights(net), len(before)
    (False, 16)
    """
    return of_tensors(model.state_dict(), str(model))


def of_examples(specimen: Specimen) -> str:
    """The digest of the inputs, the targets and the properties.

    >>> specimen = Specimen(nn.Linear(2, 1), torch.zeros(3, 2))
    >>> of_examples(specimen) == of_examples(specimen.of_examples([0, 1]))
    False
    """
    known = {"inputs": specimen.inputs, "targets": specimen.targets}
    known |= {f"property {each.name}": each.values for each in specimen.properties}
    named = [(each.name, each.names, each.level) for each in specimen.properties]
    return of_tensors(known, repr((named, specimen.class_names, specimen.tokens)))


def of_tensors(tensors: dict[str, Tensor | None], about: str = "") -> str:
    """The digest of named tensors and a text.

    >>> of_tensors({"a": torch.ones(2)}) == of_tensors({"b": torch.ones(2)})
    False
    """
    found = hashlib.sha256(about.encode())
    for name, values in tensors.items():
        if values is not None:
            found.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
            found.update(values.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()[:16]
