"""The learning rate between the steps kept in full: logged, or interpolated where nothing was logged."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from recorded_updates import record, two_layers
from torch import nn

from weightdesk.runs import Run, open_run, open_store
from weightdesk.runs.format import extra_name
from weightdesk.runs.snapshots import write_extra
from weightdesk.runs.weightfile import read_weights
from weightdesk.training import Recipe, train


def sampled(run: Run, name: str) -> tuple[int, ...]:
    """A weight whose gradients are known at every step."""
    place = torch.tensor(run.manifest.recording["sampled"][name][0])
    return tuple(int(each) for each in torch.unravel_index(place, run.parameters[name].shape))


def test_a_logged_rate_without_any_value_is_none(tmp_path: Path) -> None:
    train(Recipe.create("xor", layers="6", steps=12, schedule="constant"), tmp_path / "run", every=5)
    run = open_run(tmp_path / "run")
    before = run.explain_move("hidden1.weight", sampled(run, "hidden1.weight"))
    for file in (tmp_path / "run" / "metrics").iterdir():
        rows = pq.read_table(file)
        place = rows.column_names.index("lr")
        pq.write_table(rows.set_column(place, "lr", pa.nulls(len(rows), pa.float64())), file)
    after = open_run(tmp_path / "run").explain_move("hidden1.weight", before.index)
    assert after.known_steps == before.known_steps == 12
    # its rate never changed, so that of the steps kept in full is that of the others
    assert [part.value for part in after.parts] == pytest.approx([part.value for part in before.parts])


@pytest.mark.parametrize("odd", ["fast", [0.1], None])
def test_a_step_of_an_unknown_optimizer_has_no_say_in_the_rate(tmp_path: Path, odd: object) -> None:
    model: nn.Sequential = two_layers(torch.float64)
    run = record(model, torch.optim.SGD(model.parameters(), lr=0.25), tmp_path / "run", steps=10, every=4)
    file = read_weights(Path(run.path, extra_name(4)))
    about = dict(file.metadata) | {"optimizer": '"Adan"'}
    about["options"] = json.dumps({name: {"lr": odd} for name in json.loads(about["options"])})
    about.pop("checksums", None)
    write_extra(open_store(run.path), 4, dict(file.tensors), metadata=about)
    index = sampled(run, "0.weight")
    reasons = open_run(run.path).explain_move("0.weight", index, 0, 4)
    gradients = run.gradient_history("0.weight", index)
    assert [(part.name, part.value) for part in reasons.parts] == [
        ("gradient", pytest.approx(-0.25 * gradients.values[:4].sum().item()))
    ]
