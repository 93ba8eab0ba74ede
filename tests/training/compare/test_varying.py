from __future__ import annotations

import pytest

from weightdesk.errors import OptionError
from weightdesk.training.compare.varying import combinations, read_variations


def test_every_combination_comes_once() -> None:
    found = combinations({"init": ["zeros", "default"], "l1": [0, 1e-3], "dropout": ["0"]})
    assert [dict(each.options) for each in found] == [
        {"init": init, "l1": l1, "dropout": "0"} for init in ("zeros", "default") for l1 in (0, 1e-3)
    ]
    assert len({each.folder for each in found}) == len(found)


def test_switches_and_sizes_are_taken_as_meant() -> None:
    found = combinations({"standardise": ["true", "false"], "layers": [(8, 4), "16"]})
    assert [each.options["standardise"] for each in found] == [True, True, False, False]
    assert [each.name for each in found][:2] == [
        "standardise=true, layers=8,4",
        "standardise=true, layers=16",
    ]


@pytest.mark.parametrize("text", ["init", "=zeros", "init=", "init= , "])
def test_what_is_no_variation_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="--vary takes an option and its values"):
        read_variations([text])


@pytest.mark.parametrize(
    ("vary", "line"),
    [
        ({}, "name what to vary"),
        ({"seed": [1, 2]}, "seeds are not settings"),
        ({"l2": [0, "0"]}, "needs values that differ"),
        ({"l2": []}, "needs values that differ"),
        ({"layers": ["8,4", "8-4"]}, "would share a folder"),
    ],
)
def test_impossible_variations_are_refused(vary: dict[str, list[object]], line: str) -> None:
    with pytest.raises(OptionError, match=line):
        combinations(vary)


def test_an_option_is_varied_once() -> None:
    with pytest.raises(OptionError, match="comes twice"):
        read_variations(["l2=0,1", "l2=2"])
