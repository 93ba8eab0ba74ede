"""The desk that people hold, against a plain forward pass of an edited deep copy."""

from __future__ import annotations

import copy
import threading
from typing import Any

import pytest
import torch
from desk.desks import Named, Tokens, classifier, small_groups, token_batch, token_loss
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.desk.desk import Desk
from weightdesk.desk.mix import Mix
from weightdesk.desk.nesting import tensors_of
from weightdesk.desk.outcomes import probeset
from weightdesk.desk.places import Head
from weightdesk.errors import IndexRangeError, MixError, OptionError, UnknownParameterError


@pytest.fixture
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an export, which takes a second."""
    monkeypatch.setattr(probeset, "open_engine", small_groups)


def plain_desk(*given: Any, **options: Any) -> Desk:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probeset, "open_engine", small_groups)
        return Desk(*given, **options)


def loss_of(model: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    with torch.no_grad():
        return functional.cross_entropy(copy.deepcopy(model).eval()(inputs), targets).item()


def state_bits(desk: Desk) -> list[bytes]:
    return [each.numpy().tobytes() for each in desk.state.values.values()]


class Attentive(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attn, self.head = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 3)

    def forward(self, values: Tensor) -> Tensor:
        return self.head(self.attn(values, values, values, need_weights=False)[0].mean(1))


def test_every_turn_is_that_of_an_edited_copy() -> None:
    """With the engine that people get."""
    model, inputs, targets = classifier()
    desk = Desk(model, inputs, targets, functional.cross_entropy, memory="1GB")
    edited = copy.deepcopy(model)
    first, last = edited[0], edited[2]
    with torch.no_grad():
        desk.set("0.weight", (2, -1), 1.5)
        first.weight[2, 5] = 1.5
        assert desk.outcome.loss == pytest.approx(loss_of(edited, inputs, targets), rel=1e-6)
        desk.scale("0", 3, -2.0)
        first.weight[3] *= -2
        first.bias[3] *= -2
        assert desk.outcome.loss == pytest.approx(loss_of(edited, inputs, targets), rel=1e-6)
        desk.mute("0.weight", (slice(None), slice(0, 2)))
        first.weight[:, :2] = 0
        assert desk.outcome.loss == pytest.approx(loss_of(edited, inputs, targets), rel=1e-6)
        desk.prune("2.weight", fraction=0.25)
        smallest = last.weight.abs().flatten().argsort()[:8]
        last.weight.flatten()[smallest] = 0
        assert desk.outcome.loss == pytest.approx(loss_of(edited, inputs, targets), rel=1e-6)
        desk.round("0.weight", dtype="bfloat16")
        first.weight.copy_(first.weight.bfloat16())
        assert desk.outcome.loss == pytest.approx(loss_of(edited, inputs, targets), rel=1e-6)
        desk.solo("2", 1)
        last.weight[[0, 2, 3]], last.bias[[0, 2, 3]] = 0, 0
        assert desk.outcome.loss == pytest.approx(loss_of(edited, inputs, targets), rel=1e-6)
        assert torch.allclose(desk.outputs(5), edited(inputs[5:6]), atol=1e-6)
        assert torch.allclose(desk.shown.outputs, edited(inputs[:16]), atol=1e-6)
    assert len(desk.mix) == 6


def test_heads_are_turned() -> None:
    torch.manual_seed(0)
    model, inputs, targets = Attentive().eval(), torch.randn(10, 4, 8), torch.randint(0, 3, (10,))
    desk = plain_desk(model, inputs, targets)
    desk.mute("attn", Head(1))
    edited = copy.deepcopy(model)
    with torch.no_grad():
        edited.attn.out_proj.weight[:, 4:] = 0
    assert desk.outcome.loss == pytest.approx(loss_of(edited, inputs, targets), rel=1e-5)


@pytest.mark.parametrize(
    ("make", "given", "name"),
    [
        (Tokens, (*token_batch(), token_loss), "head.weight"),
        (Named, ({"values": torch.randn(9, 5), "scale": 2.0}, torch.arange(9) % 4, None), "first.weight"),
        (lambda: nn.Linear(5, 2), (torch.randn(9, 5), torch.randn(9, 2)), "weight"),
        (lambda: nn.Linear(5, 2), (torch.randn(9, 5),), "weight"),
    ],
)
def test_forms_of_models_with_the_engine_that_people_get(make: Any, given: Any, name: str) -> None:
    torch.manual_seed(0)
    model = make()
    desk = Desk(model, *given)
    desk.set(name, (1, 2), 3.0)
    edited = copy.deepcopy(model).eval()
    with torch.no_grad():
        edited.get_parameter(name)[1, 2] = 3.0
        inputs = given[0]
        expected = edited(**inputs) if isinstance(inputs, dict) else edited(inputs)
    outcome = desk.outcome
    for one, two in zip(tensors_of(outcome.outputs), tensors_of(expected), strict=True):
        assert torch.allclose(one, two, atol=1e-6)
    assert (outcome.loss is None) == (len(given) == 1)
    if len(given) == 1:
        assert outcome.accuracy is None
        assert outcome.flips is None
        assert "without targets" in outcome.title


@pytest.mark.usefixtures("_plain")
def test_the_network_itself_is_not_touched() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 4)).train()
    model[0].weight.grad = torch.ones(8, 6)
    handle = model[0].register_forward_hook(lambda *_: None)
    before = copy.deepcopy(model.state_dict())
    modes = [each.training for each in model.modules()]
    hooks = dict(model[0]._forward_hooks)
    numbers = torch.get_rng_state()
    with Desk(model, torch.randn(40, 6), torch.arange(40) % 4) as desk:
        numbers = torch.get_rng_state()
        desk.listen(lambda _: None)
        desk.noise(strength=0.5, seed=1)
        desk.mute("0", 1)
        assert desk.outcome.loss is not None
        assert desk.shown
        desk.undo()
    assert torch.equal(numbers, torch.get_rng_state())
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())
    assert [each.training for each in model.modules()] == modes
    assert dict(model[0]._forward_hooks) == hooks
    assert torch.equal(model[0].weight.grad, torch.ones(8, 6))
    handle.remove()


@pytest.mark.usefixtures("_plain")
def test_two_desks_on_one_model_do_not_see_each_other() -> None:
    model, inputs, targets = classifier()
    one, two = Desk(model, inputs, targets), Desk(model, inputs, targets)
    before = two.outcome.loss
    one.mute("0")
    assert one.outcome.loss != before
    assert two.outcome.loss == before
    assert loss_of(model, inputs, targets) == pytest.approx(before, rel=1e-6)


@pytest.mark.usefixtures("_plain")
def test_desks_in_threads_do_not_see_each_other() -> None:
    model, inputs, targets = classifier()
    expected, found = [], {}
    for row in range(4):
        desk = Desk(model, inputs, targets)
        desk.mute("0", row)
        expected.append(desk.outcome.loss)

    def work(row: int) -> None:
        desk = Desk(model, inputs, targets)
        seen = set()
        for _ in range(10):
            desk.mute("0", row)
            seen.add(desk.outcome.loss)
            desk.undo()
        found[row] = seen

    threads = [threading.Thread(target=work, args=(row,)) for row in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == {row: {loss} for row, loss in enumerate(expected)}


@pytest.mark.usefixtures("_plain")
def test_one_desk_in_many_threads() -> None:
    """Turns are taken one after the other; what is read belongs to one state, never to a mixture."""
    model, inputs, targets = classifier()
    desk, wrong = Desk(model, inputs, targets), []
    losses = {(): desk.outcome.loss}

    def read() -> None:
        for _ in range(40):
            outcome = desk.outcome
            key = tuple(each.describe() for each in outcome.edits)
            if losses.setdefault(key, outcome.loss) != outcome.loss:
                wrong.append(key)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for each in readers:
        each.start()
    for i in range(40):
        desk.mute("0", i % 3)
        desk.undo()
    for each in readers:
        each.join()
    assert not wrong


TURNS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, 7), st.floats(width=32)),
        st.tuples(st.just("mute"), st.integers(0, 7)),
        st.tuples(st.just("scale"), st.integers(0, 7), st.floats(-3, 3)),
        st.tuples(st.just("noise"), st.integers(0, 3)),
        *(st.tuples(st.just(each)) for each in ("undo", "undo", "redo", "bypass", "reset", "mix")),
    ),
    max_size=12,
)


@settings(max_examples=30)
@given(TURNS)
def test_any_sequence_of_turns_is_that_of_a_plain_list(turns: list[tuple[Any, ...]]) -> None:
    """Undo, redo, reset and bypass against lists of what was done, and the loss against an edited copy."""
    model, inputs, targets = classifier()
    desk = plain_desk(model, inputs, targets)
    start, past, future, now, bypassed = state_bits(desk), [], [], (), False
    for turn in turns:
        before = now
        match turn:
            case ("set", row, value):
                desk.set("0.weight", (row, 0), value)
            case ("mute", row):
                desk.mute("0", row)
            case ("scale", row, factor):
                desk.scale("0", row, factor)
            case ("noise", seed):
                desk.noise("2.weight", strength=0.1, seed=seed)
            case ("mix",):
                desk.apply(desk.mix)
            case ("reset",):
                desk.reset()
            case ("undo",):
                assert desk.undo() == bool(past)
                if past:
                    future.append(now)
                    now = past.pop()
            case ("redo",):
                assert desk.redo() == bool(future)
                if future:
                    past.append(now)
                    now = future.pop()
            case ("bypass",):
                bypassed = not bypassed
                assert desk.bypass() is bypassed
        if turn[0] not in ("undo", "redo", "bypass"):
            now, future = desk.mix.edits, []
            past.append(before)
        assert desk.mix.edits == now
        assert desk.state.edits == (() if bypassed else now)
        if bypassed or not now:
            assert state_bits(desk) == start
    heard = copy.deepcopy(model)
    with torch.no_grad():
        for name, each in heard.named_parameters():
            each.copy_(desk.state.values[name])
    assert desk.outcome.loss == pytest.approx(loss_of(heard, inputs, targets), rel=1e-5, nan_ok=True)
    again = plain_desk(model, inputs, targets)
    again.apply(Mix.from_json(desk.mix.to_json()))
    desk.bypass(False)
    assert state_bits(again) == state_bits(desk)


@pytest.mark.usefixtures("_plain")
def test_a_thousand_turns_and_back_leave_the_bits() -> None:
    model, inputs, targets = classifier()
    desk = Desk(model, inputs, targets)
    generator = torch.Generator().manual_seed(0)
    before, first = state_bits(desk), desk.outcome
    for turn in range(1000):
        row, column = (int(torch.randint(0, size, (), generator=generator)) for size in (8, 6))
        desk.set("0.weight", (row, column), turn / 1000)
        if turn % 3 == 0:
            desk.undo()
            if turn % 2:
                desk.redo()
    for _ in range(100):
        assert desk.undo()
    desk.reset()
    assert state_bits(desk) == before
    assert torch.equal(desk.outcome.outputs, first.outputs)
    assert desk.outcome.loss == first.loss


@pytest.mark.usefixtures("_plain")
def test_turns_while_bypassed_are_heard_afterwards() -> None:
    desk = Desk(*classifier())
    clean = desk.outcome
    assert desk.bypass()
    desk.mute("0", 1)
    assert desk.outcome.loss == clean.loss
    assert len(desk.mix) == 1
    assert desk.bypassed
    assert "bypassed" in repr(desk)
    assert not desk.bypass()
    assert desk.outcome.loss != clean.loss
    assert desk.bypass(True)
    assert desk.bypass(True)
    assert not torch.any(desk.shown.difference)


@pytest.mark.usefixtures("_plain")
def test_an_outcome_is_computed_once_for_each_state() -> None:
    desk = Desk(*classifier())
    desk.mute("0", 1)
    turned = desk.outcome
    assert desk.outcome is turned
    desk.bypass()
    assert desk.outcome is not turned
    desk.bypass()
    assert desk.outcome is turned


@pytest.mark.usefixtures("_plain")
def test_examples_to_show() -> None:
    model, inputs, targets = classifier()
    desk = Desk(model, inputs, targets, shown=[5, -1, 2])
    assert desk.shown.examples.tolist() == [5, 69, 2]
    assert torch.allclose(desk.shown.outputs, model(inputs[[5, 69, 2]]))
    assert torch.equal(desk.shown.targets, targets[[5, 69, 2]])
    assert len(Desk(model, inputs, targets).shown.examples) == 16


@pytest.mark.usefixtures("_plain")
def test_a_compiled_model_is_seen_through() -> None:
    model, inputs, targets = classifier()
    desk = Desk(torch.compile(model, backend="eager"), inputs, targets)
    assert list(desk.parameters) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert desk.outcome.loss == pytest.approx(loss_of(model, inputs, targets), rel=1e-6)


@pytest.mark.usefixtures("_plain")
def test_what_is_wrong_is_said_in_one_line() -> None:
    model, inputs, targets = classifier()
    desk = Desk(model, inputs, targets)
    wrong: list[tuple[type[Exception], str, Any]] = [
        (UnknownParameterError, "did you mean", lambda: desk.set("0.wieght", (0, 0), 1)),
        (IndexRangeError, "0.weight", lambda: desk.set("0.weight", (8, 0), 1)),
        (IndexRangeError, "0…69", lambda: desk.outputs(70)),
        (IndexRangeError, "0…69", lambda: Desk(model, inputs, targets, shown=[70])),
        (OptionError, "shown", lambda: Desk(model, inputs, targets, shown=0)),
        (OptionError, "run=", lambda: desk.rewind("0", step=3)),
        (OptionError, "memory", lambda: Desk(model, inputs, targets, memory="much")),
        (OptionError, "one for each", lambda: Desk(model, inputs, targets[:7])),
        (
            OptionError,
            "loss",
            lambda: Desk(model, inputs, torch.zeros(70, 3), functional.mse_loss.__get__(0)),
        ),
        (OptionError, "scalar|without axes", lambda: Desk(model, inputs, targets, lambda one, two: one)),
        (
            MixError,
            "does not fit",
            lambda: desk.apply(Mix.from_json('{"mix": 1, "turns": [{"turn": "mute", "place": "x"}]}')),
        ),
    ]
    for kind, text, action in wrong:
        with pytest.raises(kind, match=text) as caught:
            action()
        assert kind is MixError or "\n" not in str(caught.value)
    assert not desk.mix.edits
    assert not desk.undo()


def test_a_model_that_cannot_be_copied_is_named() -> None:
    model = nn.Linear(2, 2)
    model.kept = model(torch.ones(1, 2))  # type: ignore[assignment]
    with pytest.raises(OptionError, match="cannot be copied"):
        Desk(model, torch.ones(1, 2))


@pytest.mark.usefixtures("_plain")
def test_the_turned_weights_are_saved(tmp_path: Any) -> None:
    from safetensors.torch import load_file

    model, inputs, targets = classifier()
    desk = Desk(model, inputs, targets)
    desk.set("0.weight", (0, 0), 9.0)
    desk.save(tmp_path / "tuned.safetensors")
    model.load_state_dict(load_file(tmp_path / "tuned.safetensors"))
    assert loss_of(model, inputs, targets) == pytest.approx(desk.outcome.loss, rel=1e-6)
