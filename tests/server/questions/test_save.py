from __future__ import annotations

import torch
from safetensors.torch import load

from weightdesk.server.questions.save import SaveQuestion
from weightdesk.server.session import Session

TURNS = ("mute hidden1[2]", "output.weight[2,5]=0.8")


def test_plain_safetensors_reads_what_is_saved(digits_session: Session) -> None:
    saved = SaveQuestion(step=6, turns=TURNS).answer(digits_session)
    weights = load(saved.content.tobytes())
    with digits_session.desk(6, TURNS) as desk:
        for name, each in desk.state.values.items():
            assert torch.equal(weights[name], each)
    assert saved.name == "digits-6-tuned.safetensors"
