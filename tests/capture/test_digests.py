"""Whatever decides a result changes its digest, and nothing else does."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import nn
from trainings import small_batch, small_network

from weightdesk.capture import Specimen
from weightdesk.capture.digests import of_examples, of_weights
from weightdesk.properties import Property


def test_every_weight_buffer_and_module_counts() -> None:
    net = small_network()
    before = of_weights(net)
    assert of_weights(copy.deepcopy(net)) == before
    changed = copy.deepcopy(net)
    with torch.no_grad():
        changed[4].weight[3, 7] += 1e-6
    assert of_weights(changed) != before
    changed = copy.deepcopy(net)
    changed[1].running_mean += 1
    assert of_weights(changed) != before
    net[5] = nn.ReLU()
    assert of_weights(net) != before


def test_inputs_targets_and_properties_count_and_the_network_does_not() -> None:
    inputs, targets = small_batch()
    stroke = Property("stroke", targets % 2, ("thin", "bold"))
    whole = Specimen(small_network(), inputs, targets, tuple("abcde"), (stroke,))
    before = of_examples(whole)
    assert of_examples(whole.with_model(small_network(1))) == before
    moved = inputs.clone()
    moved[3, 2, 1, 0] += 1
    assert of_examples(replace(whole, inputs=moved)) != before
    assert of_examples(replace(whole, targets=targets.flip(0))) != before
    assert of_examples(replace(whole, targets=None)) != before
    assert of_examples(replace(whole, properties=())) != before
    assert of_examples(replace(whole, properties=(replace(stroke, level=1),))) != before
