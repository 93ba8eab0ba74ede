"""`weightdesk turn`: what it prints is what the turned network does, and what it writes can be used again."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from called import Call
from safetensors.torch import load_file
from torch import nn

import weightdesk
from weightdesk.training import HeldOut, Recipe, held_out, train


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "digits"
    train(Recipe.create("digits", network="mlp", layers=8, steps=40, seed=1), folder, every=20)
    return folder


@pytest.fixture(scope="module")
def sugar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "diabetes"
    train(Recipe.create("diabetes", steps=30), folder)
    return folder


def network(folder: Path, step: int = -1) -> HeldOut:
    run = weightdesk.open_run(folder)
    assert run.recipe is not None
    held = held_out(run.recipe)
    run.load_into(held.model, step)
    return held


def judged(held: HeldOut) -> tuple[float, float]:
    """Loss and accuracy of a plain forward pass."""
    with torch.no_grad():
        outputs = held.model(held.inputs)
    right = (outputs.argmax(1) == held.targets).double().mean()
    return held.loss(outputs, held.targets).item(), right.item()


def test_before_and_after_are_those_of_a_network_edited_by_hand(call: Call, digits: Path) -> None:
    done = call("turn", str(digits), "mute hidden1[3]", "output.weight[2,5]=0.8", "scale hidden1.weight 1.5",
                "--json")  # fmt: skip
    assert done.code == 0
    held = network(digits)
    before = judged(held)
    with torch.no_grad():
        held.model.hidden1.weight[3] = 0.0
        held.model.hidden1.bias[3] = 0.0
        held.model.output.weight[2, 5] = 0.8
        held.model.hidden1.weight *= 1.5
    now = judged(held)
    found = {each["name"]: each for each in done.facts["measures"]}
    for place, name in enumerate(("loss", "accuracy")):
        assert found[name]["before"] == pytest.approx(before[place], rel=1e-6)
        assert found[name]["now"] == pytest.approx(now[place], rel=1e-6)
        assert found[name]["change"] == pytest.approx(now[place] - before[place], abs=1e-6)
    with torch.no_grad():
        outputs = held.model(held.inputs)
    for row in done.facts["shown"]:
        torch.testing.assert_close(
            torch.tensor(row["outputs"]), outputs[row["example"]], rtol=1e-5, atol=1e-5
        )
        assert row["target"] == str(held.targets[row["example"]].item())
    rows = {each["name"]: each["now"] for each in done.facts["classes"]}
    for label in range(10):
        members = held.targets == label
        share = (outputs[members].argmax(1) == label).double().mean().item()
        assert rows[str(label)] == pytest.approx(share)


def test_the_flips_are_all_and_only_those_whose_class_changed(call: Call, digits: Path) -> None:
    done = call("turn", str(digits), "hidden1.weight[:4]=0", "--json")
    held = network(digits)
    with torch.no_grad():
        before = held.model(held.inputs).argmax(1)
        held.model.hidden1.weight[:4] = 0
        now = held.model(held.inputs).argmax(1)
    expected = {
        (number, str(held.targets[number].item()), str(before[number].item()), str(now[number].item()))
        for number in (before != now).nonzero().flatten().tolist()
    }
    flips = done.facts["flips"]
    assert {(each["example"], each["target"], each["before"], each["now"]) for each in flips} == expected
    assert expected
    sizes = [abs(each["change"]) for each in flips]
    assert sizes == sorted(sizes, reverse=True)
    assert done.facts["became_right"] == sum(each["now"] == each["target"] for each in flips)
    assert done.facts["became_wrong"] == sum(each["before"] == each["target"] for each in flips)


def test_the_page_says_what_was_turned_from_what_to_what(call: Call, digits: Path) -> None:
    value = weightdesk.open_run(digits).weights("output.weight", 20)[2, 5].item()
    shown = call("turn", str(digits), "output.weight[2,5]=0.8", "mute hidden1[3]", "--step", "20")
    assert shown.code == 0
    assert f"1. output.weight[2,5] {value:.4g} → 0.8" in shown.out
    assert "2. hidden1[3] muted" in shown.out
    for part in ("at step 20", "on 359 held-out test examples", "loss", "accuracy", "Accuracy by class",
                 "became right", "Examples"):  # fmt: skip
        assert part in shown.out
    assert "\x1b" not in shown.out


def test_a_regression_speaks_in_the_users_units(call: Call, sugar: Path) -> None:
    done = call("turn", str(sugar), "mute hidden1[3]", "--json")
    assert done.code == 0
    held = network(sugar)
    assert held.scale is not None
    with torch.no_grad():
        held.model.hidden1.weight[3] = 0.0
        held.model.hidden1.bias[3] = 0.0
        outputs = held.model(held.inputs)
    found = {each["name"]: each["now"] for each in done.facts["measures"]}
    truth, said = held.scale.revert(held.targets), held.scale.revert(outputs)
    assert found["mae"] == pytest.approx((truth - said).abs().mean().item(), rel=1e-4)
    spread = (held.targets - held.targets.mean(0)).square().sum()
    assert found["r2"] == pytest.approx(
        1 - ((held.targets - outputs).square().sum() / spread).item(), rel=1e-4
    )
    first = done.facts["shown"][0]
    assert first["target"] == pytest.approx(truth[0].tolist())
    assert first["now"] == pytest.approx(said[0].tolist(), rel=1e-4)
    assert (done.facts["classes"], done.facts["flips"]) == ([], [])
    assert "flipped" not in call("turn", str(sugar), "mute hidden1[3]").out


def test_saved_weights_are_the_turned_ones_and_can_be_gone_on_from(call: Call, digits: Path) -> None:
    done = call("turn", str(digits), "mute hidden1[3]", "--save", "t.safetensors", "--save-mix", "m.json")
    assert "saved: t.safetensors, m.json" in done.out
    held = network(digits)
    with torch.no_grad():
        held.model.hidden1.weight[3] = 0.0
        held.model.hidden1.bias[3] = 0.0
    saved = load_file("t.safetensors")
    held.model.load_state_dict(saved)
    assert all(torch.equal(each, saved[name]) for name, each in held.model.state_dict().items())
    assert call("train", "--from", "t.safetensors", "--steps", "2", "--run", "next").code == 0
    following = weightdesk.open_run("next")
    assert torch.equal(following.weights("hidden1.weight", 0), saved["hidden1.weight"])
    assert following.manifest.parent is not None
    assert (following.manifest.parent["run"], following.manifest.parent["step"]) == (digits.name, 40)
    assert following.manifest.parent["mix"] == json.loads(Path("m.json").read_text())


def test_a_saved_mix_applies_again_and_further_turns_follow(call: Call, digits: Path) -> None:
    call("turn", str(digits), "mute hidden1[3]", "noise hidden1 0.1 5", "--save-mix", "m.json")
    again = call("turn", str(digits), "--mix", "m.json", "--step", "20", "round * 6", "--json").facts
    at_once = call("turn", str(digits), "mute hidden1[3]", "noise hidden1 0.1 5", "round * 6", "--step", "20",
                   "--json").facts  # fmt: skip
    for name in ("measures", "turns", "mix", "shown"):
        assert again[name] == at_once[name]


def test_other_runs_and_earlier_steps_lend_their_weights(call: Call, digits: Path) -> None:
    whole = call("turn", str(digits), "rewind * 20", "--json").facts
    there = call("turn", str(digits), "--step", "20", "scale hidden1[0] 1", "--json").facts
    assert [each["now"] for each in whole["measures"]] == [each["now"] for each in there["measures"]]
    taken = call("turn", str(digits), f"transplant * {digits} 20", "--json").facts
    assert taken["measures"] == whole["measures"]
    assert taken["turns"] == [f"* taken from {digits} at step 20"]


def test_outputs_that_are_no_numbers_are_shown_as_such(call: Call, digits: Path) -> None:
    done = call("turn", str(digits), "output.bias=nan", "--json")
    loss, accuracy = done.facts["measures"]
    assert (loss["now"], accuracy["now"]) == (None, 0.0)
    assert all(each["now"] == "none" for each in done.facts["shown"])
    page = call("turn", str(digits), "output.bias=nan").out
    assert "NaN" in page
    assert "none" in page


def test_the_largest_of_infinite_outputs_is_the_class(call: Call, digits: Path) -> None:
    facts = call("turn", str(digits), "output.bias[7]=inf", "--json").facts
    assert {each["now"] for each in facts["shown"]} == {"7"}
    sevens = (network(digits).targets == 7).double().mean().item()
    assert facts["measures"][1]["now"] == pytest.approx(sevens)


def test_pictures_and_examples_not_seen_before(call: Call, tmp_path: Path) -> None:
    train(Recipe.create("digits", layers=4, steps=4, test=0.0), tmp_path / "cnn")
    facts = call("turn", str(tmp_path / "cnn"), "mute conv1[2]", "mute conv1.weight[1,0]", "--json").facts
    assert (facts["part"], facts["examples"]) == ("validation", 180)
    assert facts["turns"] == ["conv1[2] muted", "conv1.weight[1,0] muted"]
    assert math.isfinite(facts["measures"][0]["now"])


def test_a_sweep_is_of_the_turned_network(call: Call, digits: Path) -> None:
    page = call("turn", str(digits), "scale output 1.5", "--sweep", "output.weight[2,5]=-1:1")
    assert "Loss along output.weight[2,5]" in page.out
    assert "slope" in page.out
    facts = call(
        "turn", str(digits), "scale output 1.5", "--sweep", "output.weight[2,5]=-1:1", "--json"
    ).facts
    (swept,) = facts["sweeps"]
    held = network(digits)
    with torch.no_grad():
        held.model.output.weight *= 1.5
        held.model.output.bias *= 1.5
        assert swept["value"] == pytest.approx(held.model.output.weight[2, 5].item())
        for value, loss in list(zip(swept["values"], swept["losses"], strict=True))[::8]:
            held.model.output.weight[2, 5] = value
            assert loss == pytest.approx(judged(held)[0], rel=1e-5)
    assert (swept["values"][0], swept["values"][-1]) == (-1, 1)
    assert call("turn", str(digits), "--sweep", "output.weight[2,5]", "--json").facts["turns"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say what to turn"),
        (["mute hiden1[3]"], "did you mean hidden1?"),
        (["mute hidden1[8]"], "error: [8] lies outside hidden1.weight of shape (8, 64): expected"),
        (["mut hidden1[3]"], "did you mean mute?"),
        (["hidden1.weight[3,17]=loud"], "'loud' is no number"),
        (["mute hidden1[3]", "--step", "21"], "nearest kept: 20 and 40"),
        (["mute hidden1[3]", "--mix", "nowhere.json"], "nowhere.json"),
        (["--sweep", "hidden1[3]"], "a sweep turns one"),
        (["--sweep", "hidden1.weight[3,17]=1:0"], "the first end must be below the second"),
        (["--sweep", "hidden1.weight[3,"], "error: sweep 'hidden1.weight[3,': "),
        (["mute hidden1[3]", "--save", "t.pt"], "such as t.safetensors"),
        (["mute hidden1[3]", "--save", "there.safetensors"], "is there already"),
        (["mute hidden1[3]", "--save-mix", "there.safetensors"], "is there already"),
        (["mute hidden1[3]", "--save", "t.json/t.safetensors"], "cannot write t.json/t.safetensors"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(call: Call, digits: Path, arguments: list[str], said: str) -> None:
    Path("there.safetensors").write_bytes(b"")
    Path("t.json").write_bytes(b"")
    assert said in call("turn", str(digits), *arguments).is_refused()


def test_a_run_of_ones_own_loop_is_opened_from_python(call: Call, tmp_path: Path) -> None:
    model = nn.Linear(2, 1)
    with weightdesk.watch(model, torch.optim.SGD(model.parameters(), lr=0.1), tmp_path / "mine"):
        pass
    refused = call("turn", str(tmp_path / "mine"), "mute weight[0]").is_refused()
    assert "training loop of its own" in refused
    assert "Desk(model, inputs, targets" in refused
