"""The public names: all there, all documented, sorted, and loaded only when used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import weightdesk


def test_names_are_sorted_and_importable() -> None:
    assert weightdesk.__all__ == sorted(weightdesk.__all__)
    assert dir(weightdesk) == weightdesk.__all__
    for name in weightdesk.__all__:
        assert getattr(weightdesk, name).__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'wach'"):
        weightdesk.wach  # noqa: B018


def test_importing_weightdesk_loads_nothing_heavy() -> None:
    heavy = ["torch", "numpy", "numba", "pyarrow", "sklearn"]
    code = f"import sys, weightdesk; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
