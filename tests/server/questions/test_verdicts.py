from __future__ import annotations

from pathlib import Path

import pytest
import torch

from weightdesk.errors import OptionError
from weightdesk.runs import open_run
from weightdesk.server.questions.verdicts import VerdictsQuestion
from weightdesk.server.session import Session
from weightdesk.training import Recipe, train


@pytest.mark.parametrize("turns", [(), ("mute hidden1[2]", "scale output[3] 2")])
def test_the_wrong_ones_are_those_of_a_forward_pass_by_hand(
    digits_session: Session, turns: tuple[str, ...]
) -> None:
    found = VerdictsQuestion(step=6, turns=turns).answer(digits_session)
    subject = digits_session.subject
    with torch.no_grad():
        given = digits_session.model(6, turns)(subject.inputs).argmax(dim=1)
    assert found.wrong.tolist() == (given != subject.targets).nonzero().flatten().tolist()
    assert 0 < len(found.wrong) < found.examples == len(subject.inputs)
    with digits_session.desk(6, turns) as desk:
        assert desk.outcome.accuracy == pytest.approx(1 - len(found.wrong) / found.examples)


def test_of_amounts_nothing_is_right_or_wrong(tmp_path: Path) -> None:
    run = open_run(train(Recipe.create("radio", steps=1), tmp_path / "radio", every=1).directory)
    with pytest.raises(OptionError, match="where targets are classes"):
        VerdictsQuestion(step=1).answer(Session(run))
