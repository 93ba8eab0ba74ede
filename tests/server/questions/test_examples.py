from __future__ import annotations

import torch

from weightdesk.server.questions.examples import ExamplesQuestion
from weightdesk.server.session import Session


def test_they_are_those_of_the_probe_set(digits_session: Session) -> None:
    found, subject = ExamplesQuestion(start=5, count=3).answer(digits_session), digits_session.subject
    assert torch.equal(torch.from_numpy(found.inputs), subject.inputs[5:8])
    assert found.targets.tolist() == subject.targets[5:8].tolist()


def test_beyond_the_last_there_are_none(digits_session: Session) -> None:
    assert len(ExamplesQuestion(start=10**6).answer(digits_session).inputs) == 0
