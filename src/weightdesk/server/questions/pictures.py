"""A picture for each unit of a layer: the input, found by optimisation, that makes it strong."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from pydantic import Field

from weightdesk.capture.digests import of_weights
from weightdesk.capture.pictures import feature_pictures
from weightdesk.server.questions.question import Question, Step, Turns
from weightdesk.server.session import Session
from weightdesk.server.wire import Doubles, Floats, Message


class Pictures(Message):
    """Units by channels, rows and columns; what each picture reaches, and the `strongest` real example."""

    values: Floats
    reached: Doubles
    strongest: Doubles


class PicturesQuestion(Question[Pictures]):
    """What do the first units of a layer look for?"""

    kind: ClassVar[str] = "pictures"
    runs: ClassVar[bool] = True
    long: ClassVar[bool] = True

    layer: str
    step: Step
    turns: Turns = ()
    count: Annotated[int, Field(ge=1, le=512)] = 32

    def answer(self, session: Session) -> Pictures:
        """Make them, or take those that were made of these weights."""
        case = session.case(self.step, self.turns).about(layer_name=self.layer)
        layer = case.layer
        units = range(min(self.count, layer.units))
        about = {
            "weights": of_weights(case.specimen.model),
            "layer": layer.name,
            "units": len(units),
        }

        def made() -> dict[str, torch.Tensor]:
            found = feature_pictures(case.specimen, layer, units, baseline=0, progress=case.progress)
            return {
                "values": found.pictures[:, 0],
                "reached": found.reached[:, 0],
                "strongest": found.strongest,
            }

        kept = case.cache.get("pictures", about, made)
        return Pictures(**kept)
