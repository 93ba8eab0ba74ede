"""Probes: what is planted is read where it is, beside chance and networks that know nothing."""

from __future__ import annotations

import pytest
import torch
from learned_signs import networks
from planted import planted

from weightdesk.capture.story.probes import LayerProbes, Probe, probe_layers
from weightdesk.capture.story.resampling import share
from weightdesk.properties import Property


@pytest.fixture(scope="module")
def found() -> LayerProbes:
    return probe_layers(planted(), untrained=networks()[0])


def test_the_task_appears_with_depth_and_only_by_training(found: LayerProbes) -> None:
    inputs, *_, last = found.of("task")
    assert inputs.accuracy.high < 0.65
    assert last.accuracy.low > 0.85
    assert last.scrambled is not None
    assert last.step_0 is not None
    assert max(last.scrambled.high, last.step_0.high) < last.accuracy.low
    assert inputs.scrambled is None


def test_what_the_task_does_not_need_is_read_best_from_the_inputs(found: LayerProbes) -> None:
    assert found.peak("fifth") == found.peak_of_level(0) == "inputs"
    inputs, *_, last = found.of("fifth")
    assert inputs.accuracy.low > 0.9
    assert last.accuracy.high < inputs.accuracy.low


def test_what_nothing_tells_stays_within_chance(found: LayerProbes) -> None:
    for each in found.of("coin"):
        assert each.accuracy.low < 0.5 < each.accuracy.high
        assert each.chance.low < 0.5 < each.chance.high


def test_tables_have_the_numbers_of_the_probes(found: LayerProbes) -> None:
    probes, peaks = (each.table.to_pylist() for each in found.sections())
    assert [row["accuracy"] for row in probes] == [each.accuracy.value for each in found.probes]
    assert [row["step 0"] for row in probes[:3]] == [None] * 3
    assert [(row["property"], row["planted level"]) for row in peaks] == [
        ("task", None), ("fifth", 0), ("coin", None),
    ]  # fmt: skip
    assert "the task best from" in found.title


def test_the_same_seed_gives_the_same_bits(found: LayerProbes) -> None:
    again = probe_layers(planted(), untrained=networks()[0])
    assert [section.table for section in again.sections()] == [each.table for each in found.sections()]
    other = probe_layers(planted(), untrained=networks()[0], seed=1)
    assert other.sections()[0].table != found.sections()[0].table


def test_it_can_be_stopped() -> None:
    def stop(_what: str, share: float) -> None:
        if share > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        probe_layers(planted(), permuted=1, progress=stop)


def test_examples_of_which_it_cannot_be_told_do_not_count(found: LayerProbes) -> None:
    whole = planted()
    unknown = whole.properties[0].values.clone()
    unknown[::2] = -1
    object.__setattr__(whole.properties[0], "values", unknown)
    fewer = probe_layers(whole, permuted=1)
    told = (~fewer.of("fifth")[0].right.isnan()).sum()
    assert 0 < told < fewer.judged
    assert torch.equal(fewer.of("task")[0].right, found.of("task")[0].right)


@pytest.mark.parametrize("judged", [1, 3, 50, 60, 61])
def test_the_peak_of_what_is_read_without_a_fault_is_the_first_such_layer(judged: int) -> None:
    def probe(layer: str, hits: int) -> Probe:
        score = share(hits, judged)
        return Probe(layer, asked, score, score, None, None, torch.ones(judged).double(), None)

    asked = Property("task", torch.zeros(judged, dtype=torch.long), ("a", "b"))
    chance, first, second = probe("inputs", 0), probe("hidden1", judged), probe("hidden2", judged)
    assert LayerProbes((chance, first, second), judged, judged, 1).peak("task") == (
        "inputs" if share(0, judged).high >= 1 else "hidden1"
    )
    assert LayerProbes((first, second), judged, judged, 1).peak("task") == "hidden1"


def test_what_no_example_decides_has_no_peak() -> None:
    untold, asked = share(0, 0), Property("task", torch.zeros(1, dtype=torch.long), ("a", "b"))
    nothing = Probe("hidden1", asked, untold, untold, None, None, torch.full((1,), torch.nan).double(), None)
    assert LayerProbes((nothing,), 1, 1, 1).peak("task") == ""
