"""What every measure of similarity must do, and the matrix of all layers."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from weightdesk.capture.story.similarity import SIMILARITIES, Similarity
from weightdesk.capture.story.similarity.matrix import similarities
from weightdesk.errors import OptionError

MEASURES = pytest.mark.parametrize("measure", SIMILARITIES.values(), ids=SIMILARITIES)


def layers(examples: int = 80) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(examples, 5, generator=generator, dtype=torch.float64)
    alike = first @ torch.randn(5, 5, generator=generator, dtype=torch.float64)
    other = torch.randn(examples, 4, generator=generator, dtype=torch.float64)
    return {"first": first, "alike": alike, "other": other}


@MEASURES
class TestEveryMeasure:
    def test_a_layer_is_like_itself_and_the_order_does_not_matter(self, measure: Similarity) -> None:
        found = similarities(measure, layers(), layers()).values
        assert torch.allclose(found.diagonal(), torch.ones(3).double())
        assert torch.allclose(found, found.T)

    def test_what_has_to_do_with_each_other_is_above_chance_and_what_has_not_is_not(
        self, measure: Similarity
    ) -> None:
        found = similarities(measure, layers(400), layers(400))
        assert found.values[0, 1] > 1.5 * found.chance[0, 1]
        assert found.values[0, 2] < 1.5 * found.chance[0, 2]

    def test_a_layer_that_never_varies_is_like_none(self, measure: Similarity) -> None:
        dead = {"dead": torch.full((80, 3), 0.1).double()}
        found = similarities(measure, layers(), dead)
        assert found.values.isnan().all()
        assert found.chance.isnan().all()

    def test_the_same_seed_gives_the_same_bits(self, measure: Similarity) -> None:
        once, again, other = (similarities(measure, layers(), layers(), seed=seed) for seed in (1, 1, 2))
        assert torch.equal(once.values, again.values)
        assert torch.equal(once.chance, again.chance)
        assert torch.equal(once.values, other.values)
        assert not torch.equal(once.chance, other.chance)

    def test_without_permutations_chance_is_not_a_number(self, measure: Similarity) -> None:
        assert similarities(measure, layers(), layers(), permuted=0).chance.isnan().all()

    def test_other_examples_are_refused(self, measure: Similarity) -> None:
        with pytest.raises(OptionError, match=r"same examples only, got \[60, 80\]"):
            similarities(measure, layers(), layers(60))


@MEASURES
def test_chance_is_exceeded_one_time_in_twenty(measure: Similarity) -> None:
    """Of 200 pairs that have nothing to do with each other 10 should be above the largest of 19."""
    generator = torch.Generator().manual_seed(0)
    above = 0
    for _ in range(200):
        first, second = torch.randn(2, 30, 3, generator=generator, dtype=torch.float64)
        found = similarities(measure, {"": first}, {"": second})
        above += int(found.values > found.chance)
    assert 2 <= above <= 22, above


def test_progress_hears_every_row_and_can_stop() -> None:
    heard: list[float] = []
    similarities(SIMILARITIES["CKA"], layers(), layers(), progress=lambda _, share: heard.append(share))
    assert heard == [0, pytest.approx(1 / 3), pytest.approx(2 / 3), 1]
    assert not math.isnan(heard[-1])

    def stop(_what: str, _share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        similarities(SIMILARITIES["CKA"], layers(), layers(), progress=stop)
