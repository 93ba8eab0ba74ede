"""When layers and units formed: planted changes are found at their step; scores are those of the parts."""

from __future__ import annotations

import copy
import math
import tempfile

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from learned_signs import STEPS, networks, specimen
from torch import nn

from weightdesk.capture import Specimen
from weightdesk.capture.cache import Cache
from weightdesk.capture.layers import layers_of
from weightdesk.capture.story.comparing import FEATURES, correlations
from weightdesk.capture.story.formation import formation, log_spread
from weightdesk.capture.story.formed import Formation, Formed, first_lasting, formed
from weightdesk.capture.story.probes import probe_layers
from weightdesk.capture.story.representation import representations
from weightdesk.capture.story.separability import class_separation
from weightdesk.capture.story.similarity.cka import linear_cka
from weightdesk.errors import OptionError
from weightdesk.runs.stores import open_store

PLANTED = (0, 1, 10, 100, 1000)


def planted(step: int) -> nn.Linear:
    """Unit k of four looks at nothing but input 4, until at step 10^(k − 1) it turns to input k."""
    net = nn.Linear(5, 4, bias=False).requires_grad_(False)
    net.weight.zero_()
    for unit, since in enumerate(PLANTED[:4]):
        net.weight[unit, unit if step >= since else 4] = 1
    return net.eval()


def planted_inputs() -> torch.Tensor:
    return torch.randn(300, 5, generator=torch.Generator().manual_seed(0))


def learned(**options: object) -> Formation:
    return formation(specimen(), networks().__getitem__, STEPS, **options)  # type: ignore[arg-type]


def same_bits(first: Formation, second: Formation) -> bool:
    """Not by `torch.equal`, for which what is not a number never equals itself."""
    pairs = [(each, second.scores[name]) for name, each in first.scores.items()]
    pairs.append((first.correlations, second.correlations))
    return all(one.numpy().tobytes() == other.numpy().tobytes() for one, other in pairs)


def test_a_unit_formed_at_the_step_at_which_it_turned() -> None:
    found = formation(Specimen(planted(0), planted_inputs()), planted, PLANTED)
    expected = [Formed(0, 0, 0), Formed(1, 0, 1), Formed(10, 1, 10), Formed(100, 10, 100)]
    assert found.formed_units == expected
    rows = found.sections()[1].table.to_pylist()
    assert [(each["unit"], each["formed at"]) for each in rows] == [(0, 0), (1, 1), (2, 10), (3, 100)]
    assert rows[0]["correlation at first"] == pytest.approx(1)
    assert abs(rows[3]["correlation at first"]) < 0.2
    assert list(found.scores) == ["CKA"]


def test_a_layer_formed_once_the_last_of_its_units_did() -> None:
    found = formation(Specimen(planted(0), planted_inputs()), planted, PLANTED, share=0.95)
    assert found.formed("CKA") == [Formed(100, 10, 100)]


def test_a_unit_that_never_varies_did_not_form() -> None:
    def dead(step: int) -> nn.Module:
        net = planted(step)
        net.weight[2] = 0
        return net

    found = formation(Specimen(dead(0), planted_inputs()), dead, PLANTED)
    assert found.formed_units[2] == Formed(None, None, None)
    assert found.sections()[1].table.to_pylist()[2]["correlation at first"] is None


def test_scores_are_those_of_the_functions_that_measure_one_step() -> None:
    found, whole = learned(), specimen()
    for place, step in enumerate(STEPS):
        model = networks()[step]
        layers = layers_of(model, whole.inputs)
        now = representations(model, whole.inputs, layers, FEATURES)
        last = representations(networks()[STEPS[-1]], whole.inputs, layers, FEATURES)
        probes = probe_layers(whole.with_model(model), permuted=1)
        for number, layer in enumerate(found.layers):
            measured = {name: float(each[place, number, 0]) for name, each in found.scores.items()}
            assert measured["CKA"] == pytest.approx(linear_cka(now[layer], last[layer]), abs=1e-12)
            once = torch.ones(1, len(whole))
            separation = float(class_separation(now[layer], whole.labels, once))  # type: ignore[arg-type]
            assert measured["separation"] == pytest.approx(separation, abs=1e-12)
            probe = next(each for each in probes.of("task") if each.layer == layer)
            assert measured["probe: task"] == pytest.approx(probe.accuracy.value)


def test_what_is_learned_is_formed_after_the_start() -> None:
    found = learned()
    output = found.formed("separation")[-1]
    assert output.step is not None
    assert output.step > 0
    assert output.after is not None
    assert output.by is not None
    assert output.after < output.step <= output.by
    at_first = found.scores["CKA"][0, :, 0]
    assert at_first[-1] < at_first[0] < 0.9
    assert found.title == (
        "when features formed: the first of 5 steps from which a score stays above 90% of its last value"
    )
    curve = [each for each in found.sections()[2].table.to_pylist() if each["layer"] == "4"]
    assert all(each["from"] <= each["value"] <= each["to"] for each in curve)


@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=8),
    st.floats(0.1, 1),
)
def test_the_first_lasting_score_is_found_as_by_hand(scores: list[float], share: float) -> None:
    last = scores[-1]
    enough = [all(each >= share * last for each in scores[place:]) for place in range(len(scores))]
    expected = enough.index(True) if last > 0 else -1
    column = torch.tensor(scores, dtype=torch.float64)[:, None]
    assert first_lasting(column, share).tolist() == [expected]


def test_the_interval_is_that_of_the_halves_and_holds_the_step() -> None:
    early, late = [0.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0]
    middle = [0.0, 0.0, 1.0, 1.0]
    scores = torch.tensor([middle, *[early] * 10, *[late] * 10]).double().T
    assert formed((0, 4, 8, 16), scores, 0.9) == Formed(8, 0, 16)
    without = torch.full_like(scores[:, :3], math.nan)
    without[:, 0] = scores[:, 0]
    assert formed((0, 4, 8, 16), without, 0.9) == Formed(8, 4, 8)


@given(st.integers(2, 20), st.integers(1, 3), st.integers(1, 4), st.integers(0, 99))
def test_correlations_are_those_of_numpy(examples: int, units: int, cells: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.randn(2, examples, units, cells, generator=generator, dtype=torch.float64)
    once = torch.ones(1, examples).double()
    found = correlations(first, second, once)[0]
    for unit in range(units):
        pair = [each[:, unit].flatten().numpy() for each in (first, second)]
        assert found[unit].item() == pytest.approx(np.corrcoef(*pair)[0, 1], abs=1e-9)
    scaled = correlations(3 * first, -second, once)[0]
    assert torch.allclose(scaled, -found, atol=1e-9)


@given(st.sets(st.integers(0, 5000), min_size=1, max_size=60), st.integers(2, 15))
def test_the_spread_holds_both_ends_and_no_more_than_wanted(steps: set[int], count: int) -> None:
    chosen = log_spread(sorted(steps), count)
    assert set(chosen) <= steps
    assert len(chosen) <= count
    assert chosen == tuple(sorted(chosen))
    assert {min(steps), max(steps)} <= set(chosen)
    assert len(steps) > count or set(chosen) == steps


def test_the_same_seed_gives_the_same_bits() -> None:
    once, again, other = learned(seed=1), learned(seed=1), learned(seed=2)
    assert same_bits(once, again)
    assert not same_bits(once, other)


def test_steps_are_kept_and_work_goes_on_after_it_was_stopped() -> None:
    cache = Cache(open_store(tempfile.mkdtemp()))

    def stop(_what: str, share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learned(cache=cache, progress=stop)
    assert cache.store is not None
    assert len(cache.store.names("capture")) == 3
    resumed = learned(cache=cache)
    assert len(cache.store.names("capture")) == len(STEPS)
    assert same_bits(resumed, learned())
    learned(cache=cache, seed=1)
    assert len(cache.store.names("capture")) == 2 * len(STEPS)


def test_too_few_steps_or_examples_are_refused() -> None:
    with pytest.raises(OptionError, match="2 steps and 8 examples or more, got 1 and 400"):
        formation(specimen(), networks().__getitem__, [0])
    with pytest.raises(OptionError, match="got 2 and 7"):
        formation(specimen(7), networks().__getitem__, [0, 5])


def test_networks_stay_as_they_are() -> None:
    before = {step: copy.deepcopy(net.state_dict()) for step, net in networks().items()}
    learned()
    for step, state in before.items():
        assert all(torch.equal(state[name], each) for name, each in networks()[step].state_dict().items())
        assert not any(module._forward_hooks for module in networks()[step].modules())
