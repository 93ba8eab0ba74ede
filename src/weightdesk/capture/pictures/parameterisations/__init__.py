"""The ways in which pictures are made of numbers, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from weightdesk.capture.pictures.parameterisations.fourier import Fourier
from weightdesk.capture.pictures.parameterisations.maco import MACO
from weightdesk.capture.pictures.parameterisations.parameterisation import Parameterisation

METHODS: Final[Mapping[str, Parameterisation]] = MappingProxyType({"fourier": Fourier(), "maco": MACO()})

__all__ = ["METHODS", "Parameterisation"]
