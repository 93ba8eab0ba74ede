"""A parameter that is a single number is chosen, linked to and turned like any other weight."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, expect
from served import served
from torch import Tensor, nn
from watching import address, until

import weightdesk as wd
from weightdesk.runs import open_run
from weightdesk.server.session import Session
from weightdesk.server.subject import Subject


class Tempered(nn.Module):
    """A layer, and how sure it is."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.temperature = nn.Parameter(torch.tensor(2.0))

    def forward(self, given: Tensor) -> Tensor:
        answer: Tensor = self.layer(given) * self.temperature
        return answer


def test_a_link_to_it_comes_back_and_it_turns(page: Page, tmp_path: Path, built: Path) -> None:
    torch.manual_seed(0)
    model, inputs, targets = Tempered(), torch.randn(40, 4), torch.arange(40) % 3
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with wd.watch(model, optimizer, tmp_path / "run", every=1):
        nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    subject = Subject.given(
        model, inputs, targets=targets, loss=nn.functional.cross_entropy, class_names="abc"
    )
    with served(Session(open_run(tmp_path / "run"), subject)) as server:
        page.goto(f"{server.link}#layer=temperature&unit=0&weight=&tab=weight")
        inspector = page.get_by_role("region", name="inspector")
        expect(inspector.get_by_role("heading", name="temperature", exact=True)).to_be_visible()
        field = inspector.get_by_label("turn it to")
        until(page, lambda: field.input_value() != "")
        assert float(field.input_value()) == pytest.approx(model.temperature.item(), rel=1e-5)
        assert address(page).endswith("weight=")
        field.fill("0.5")
        field.press("Enter")
        assert "turns=temperature%3D0.5" in address(page)
        with torch.no_grad():
            said = (model.layer(inputs[:1]) * 0.5)[0].tolist()
        figures = page.get_by_role("group", name="classes").locator(".figure.soft")
        told = [f"{'−' if each < 0 else '+'}{abs(each):.2f}" for each in said]
        expect(figures).to_have_text(told)
        page.reload()
        expect(field).to_have_value("0.5")
        page.goto("about:blank")
