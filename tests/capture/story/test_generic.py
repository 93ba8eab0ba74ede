"""The generic–specific score: by its formula, higher in later layers, and made of the tests' numbers."""

from __future__ import annotations

import pytest
from learned_signs import networks
from planted import planted

from weightdesk.capture.story.generic import GenericSpecific, generic_specific
from weightdesk.capture.story.probes import probe_layers
from weightdesk.capture.story.reinitialise import reinitialise_layers
from weightdesk.capture.story.transfer import chance, transfer_layers


@pytest.fixture(scope="module")
def found() -> GenericSpecific:
    return generic_specific(planted(), untrained=networks()[0])


def test_scores_are_those_of_the_three_tests(found: GenericSpecific) -> None:
    whole, untrained = planted(), networks()[0]
    transfer = transfer_layers(whole, untrained=untrained)
    asked = transfer.asked
    back = reinitialise_layers(whole.of_examples(asked.judged), untrained=untrained)
    probes = probe_layers(whole, permuted=1)
    chances = {one.name: chance(one, asked.learned) for one in asked.all}

    def above(name: str, accuracy: float) -> float:
        return max(0.0, (accuracy - chances[name]) / (1 - chances[name]))

    names = ("fifth", "coin")
    scratch = sum(above(name, float(transfer.scratch[name].mean())) for name in names)
    before = above("task", back.before.value)
    for place, each in enumerate(found.layers):
        read = {name: above(name, probes.of(name)[place + 1].accuracy.value) for name in ("task", *names)}
        others = (read["fifth"] + read["coin"]) / 2
        assert each.read.value == pytest.approx(read["task"] / (read["task"] + others))
        reached = sum(above(name, float(transfer.layers[place].trained[name].mean())) for name in names)
        assert each.lost.value == pytest.approx(min(1.0, max(0.0, 1 - reached / scratch)))
        kept = back.layers[place].step_0
        assert kept is not None
        after = above("task", kept.value * back.before.value)
        assert each.needed.value == pytest.approx(min(1.0, max(0.0, 1 - after / before)))
        expected = (each.read.value + each.lost.value + each.needed.value) / 3
        assert each.score.value == pytest.approx(expected)


def test_every_number_is_a_share_within_its_interval(found: GenericSpecific) -> None:
    for each in found.layers:
        for one in (each.score, each.read, each.lost, each.needed, each.read_scrambled, each.lost_untrained):
            assert 0 <= one.low <= one.high <= 1
            assert one.low <= one.value <= one.high


def test_the_last_layer_is_more_specific_than_the_first(found: GenericSpecific) -> None:
    first, *_, last = found.layers
    assert last.read.low > first.read.high
    assert last.read.low > last.read_scrambled.value


def test_the_table_has_the_numbers(found: GenericSpecific) -> None:
    rows = found.to_arrow().to_pylist()
    assert [row["generic–specific"] for row in rows] == [each.score.value for each in found.layers]
    assert [row["lost, untrained"] for row in rows] == [each.lost_untrained.value for each in found.layers]
    titles = [each.title for each in found.sections()]
    assert titles == ["generic–specific", "transfer", "re-initialisation"]
    assert found.title.startswith("from generic to specific: ")


def test_the_same_seed_gives_the_same_bits() -> None:
    first, second = (generic_specific(planted(100), steps=10) for _ in range(2))
    assert [each.table for each in first.sections()] == [each.table for each in second.sections()]


def test_progress_goes_from_nothing_to_all() -> None:
    shares: list[float] = []
    generic_specific(planted(100), steps=5, progress=lambda _what, share: shares.append(share))
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
