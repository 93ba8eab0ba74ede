"""The desk in a notebook: what the kernel answers, and what is refused before there is a widget."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from trainings import run_steps, small_batch, small_network

import weightdesk as wd
from weightdesk.errors import OptionError, RunNotFoundError, WeightdeskError
from weightdesk.notebook.widget import DeskWidget
from weightdesk.server import page
from weightdesk.server.asking import read
from weightdesk.server.session import Session
from weightdesk.server.wire import pack, unpack

cross_entropy = nn.functional.cross_entropy


@pytest.fixture(autouse=True)
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page of two lines, whether or not the real one is built."""
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "desk.js").write_text("export default {};")
    (folder / "desk.css").write_text(".weightdesk {}")
    monkeypatch.setattr(page, "STATIC", folder)
    return folder


@pytest.fixture
def run(tmp_path: Path, network: nn.Sequential) -> wd.Run:
    """The run of a loop of one's own, with a normalisation in its network."""
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    with wd.watch(network, optimizer, tmp_path / "mine", every=1) as recording:
        run_steps(network, optimizer, 3, lambda step, loss: recording.log(loss=loss))
    return wd.open_run(tmp_path / "mine")


class Page:
    """What the page says and hears."""

    def __init__(self, widget: DeskWidget, monkeypatch: pytest.MonkeyPatch) -> None:
        self.widget, self.heard = widget, list[tuple[dict[str, Any], list[bytes]]]()
        monkeypatch.setattr(
            widget, "send", lambda content, buffers=(): self.heard.append((content, list(buffers)))
        )

    def ask(self, kind: str, **question: Any) -> tuple[dict[str, Any], list[bytes]]:
        """The message that answers a question."""
        number = f"page-{len(self.heard)}"
        self.widget._handle_custom_msg({"id": number, "kind": kind, "question": question}, [])
        content, buffers = self.heard[-1]
        assert content["id"] == number
        return content, buffers


def test_answers_are_the_bytes_of_the_server(run: wd.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page(wd.show(run), monkeypatch)
    for kind, question in (
        ("overview", "{}"),
        ("metrics", "{}"),
        ("weights", '{"step": 2, "parameter": "0.weight"}'),
    ):
        content, buffers = page.ask(kind, **read(kind, question).model_dump(exclude_defaults=True))
        assert "error" not in content
        assert buffers == [pack(read(kind, question).answer(Session(run)))]
    assert torch.equal(torch.tensor(unpack(buffers[0])["values"]), run.weights("0.weight", 2))


def test_a_network_of_ones_own_is_turned(run: wd.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    model, (inputs, targets) = small_network(seed=7), small_batch()
    before = {name: each.clone() for name, each in model.state_dict().items()}
    page = Page(wd.show(run, model, inputs, targets, cross_entropy, class_names="abcde"), monkeypatch)
    subject = unpack(page.ask("overview")[1][0])["subject"]
    assert (subject["examples"], subject["class_names"]) == (16, list("abcde"))

    turned = unpack(page.ask("heard", step=3, turns=["6.bias[1]=4"])[1][0])
    known = small_network()
    run.load_into(known, 3)
    known.eval().requires_grad_(False)  # the normalisation's averages are the run's, too
    torch.testing.assert_close(torch.tensor(turned["before"]), known(inputs[:1])[0])
    assert turned["scores"]["loss_before"] == pytest.approx(
        float(cross_entropy(known(inputs), targets)), rel=1e-5
    )
    known[6].bias[1] = 4
    torch.testing.assert_close(torch.tensor(turned["outputs"]), known(inputs[:1])[0])

    assert model.training
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())


def test_text_is_read_where_inputs_are_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Embedding(3, 2), nn.Linear(2, 3))
    with wd.watch(model, torch.optim.SGD(model.parameters(), lr=0.1), tmp_path / "text"):
        pass
    inputs = torch.tensor([[0, 1, 2], [2, 1, 0]])
    page = Page(wd.show(tmp_path / "text", model, inputs, tokens="abc"), monkeypatch)
    assert unpack(page.ask("tokens", text="cab")[1][0])["numbers"].tolist() == [2, 0, 1]
    page = Page(wd.show(tmp_path / "text", model, inputs, encode=lambda text: [len(text) % 3]), monkeypatch)
    assert unpack(page.ask("tokens", text="cabba")[1][0])["numbers"].tolist() == [2]
    with pytest.raises(OptionError, match="are of a model"):
        wd.show(tmp_path / "text", tokens="abc")


def test_targets_loss_and_names_may_be_left_out(run: wd.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page(wd.show(run, small_network(), small_batch()[0].numpy()), monkeypatch)
    assert unpack(page.ask("heard", step=3)[1][0])["scores"]["loss"] is None


@pytest.mark.parametrize(
    ("kind", "question", "told"),
    [
        ("heared", {}, "nothing is called 'heared'; did you mean heard?"),
        ("weights", {"step": -1, "parameter": "x"}, "weights: step: "),
        ("weights", {"step": 0, "parameter": "x"}, "no parameter"),
        ("heard", {"step": 0}, "its network cannot be built again"),
    ],
)
def test_a_refusal_is_one_line(
    run: wd.Run, monkeypatch: pytest.MonkeyPatch, kind: str, question: dict[str, Any], told: str
) -> None:
    content, buffers = Page(wd.show(run), monkeypatch).ask(kind, **question)
    assert told in content["error"]
    assert "\n" not in content["error"]
    assert not buffers


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_the_page_is_answered_whatever_happens(
    run: wd.Run, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def fail(*_: object) -> bytes:
        raise error

    page = Page(wd.show(run), monkeypatch)
    monkeypatch.setattr("weightdesk.notebook.widget.answered", fail)
    with pytest.raises(error):
        page.widget._answer(page.widget, {"id": "1", "kind": "overview", "question": {}}, [])
    assert page.heard == [({"id": "1", "error": "the kernel could not answer; its log says why"}, [])]


def test_the_page_and_its_height_travel_with_the_widget(run: wd.Run) -> None:
    state = wd.show(run, height=640).get_state()
    assert (state["_esm"], state["_css"]) == ("export default {};", ".weightdesk {}")
    assert state["height"] == 640


def test_what_does_not_fit_is_told_in_the_cell(run: wd.Run, tmp_path: Path) -> None:
    model, (inputs, targets) = small_network(), small_batch()
    with pytest.raises(RunNotFoundError):
        wd.show(tmp_path / "nowhere")
    with pytest.raises(OptionError, match="give inputs, too"):
        wd.show(run, model)
    with pytest.raises(OptionError, match="of a model"):
        wd.show(run, inputs=inputs)
    with pytest.raises(OptionError, match="expected one tensor or array"):
        wd.show(run, model, {"x": inputs})
    with pytest.raises(WeightdeskError):
        wd.show(run, nn.Linear(2, 2), torch.ones(3, 2))
    with pytest.raises(WeightdeskError):
        wd.show(run, model, inputs, targets[:3], cross_entropy)


def test_a_network_that_cannot_be_copied_is_refused(run: wd.Run) -> None:
    model = small_network()
    model.seen = model[0].weight * 2
    with pytest.raises(OptionError, match="cannot be copied"):
        wd.show(run, model, small_batch()[0])


def test_a_page_that_was_not_built_is_told(run: wd.Run, static: Path) -> None:
    (static / "desk.css").unlink()
    with pytest.raises(OptionError, match="make web"):
        wd.show(run)


def test_missing_anywidget_is_told(run: wd.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "weightdesk.notebook.widget")
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(OptionError, match=r"pip install weightdesk\[notebook\]") as told:
        wd.show(run)
    assert "\n" not in str(told.value)


def test_it_begins_where_it_is_told_to_and_tells_where_it_is(run: wd.Run) -> None:
    widget = wd.show(run, at="#step=2&tab=layer")
    assert widget.at == "step=2&tab=layer"
    assert wd.show(run).at == ""
