"""Everything that the page may ask, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from weightdesk.server.questions.activity import ActivityQuestion
from weightdesk.server.questions.captured import CapturedQuestion
from weightdesk.server.questions.checkup import CheckupQuestion
from weightdesk.server.questions.comparison import ComparisonQuestion
from weightdesk.server.questions.events import EventsQuestion
from weightdesk.server.questions.examples import ExamplesQuestion
from weightdesk.server.questions.excerpts import ExcerptsQuestion
from weightdesk.server.questions.flow import FlowQuestion
from weightdesk.server.questions.gradient import GradientQuestion
from weightdesk.server.questions.growth import GrowthQuestion
from weightdesk.server.questions.heard import HeardQuestion
from weightdesk.server.questions.history import HistoryQuestion
from weightdesk.server.questions.importance import ImportanceQuestion
from weightdesk.server.questions.layer import LayerQuestion
from weightdesk.server.questions.metrics import MetricsQuestion
from weightdesk.server.questions.network import NetworkQuestion
from weightdesk.server.questions.norms import NormsQuestion
from weightdesk.server.questions.overview import OverviewQuestion
from weightdesk.server.questions.patches import PatchesQuestion
from weightdesk.server.questions.pictures import PicturesQuestion
from weightdesk.server.questions.plane import PlaneQuestion
from weightdesk.server.questions.question import Question
from weightdesk.server.questions.ranges import RangesQuestion
from weightdesk.server.questions.reading import ReadingQuestion
from weightdesk.server.questions.save import SaveQuestion
from weightdesk.server.questions.scores import ScoresQuestion
from weightdesk.server.questions.sound import SoundQuestion
from weightdesk.server.questions.spectrum import SpectrumQuestion
from weightdesk.server.questions.spread import SpreadQuestion
from weightdesk.server.questions.surface import SurfaceQuestion
from weightdesk.server.questions.sweep import SweepQuestion
from weightdesk.server.questions.terms import TermsQuestion
from weightdesk.server.questions.tile import TileQuestion
from weightdesk.server.questions.tokens import TokensQuestion
from weightdesk.server.questions.trends import TrendsQuestion
from weightdesk.server.questions.update import UpdateQuestion
from weightdesk.server.questions.verdicts import VerdictsQuestion
from weightdesk.server.questions.weights import WeightsQuestion
from weightdesk.server.questions.working import WorkingQuestion

QUESTIONS: Final[Mapping[str, type[Question[Any]]]] = {
    each.kind: each
    for each in (
        ActivityQuestion,
        CapturedQuestion,
        CheckupQuestion,
        ComparisonQuestion,
        EventsQuestion,
        ExamplesQuestion,
        ExcerptsQuestion,
        FlowQuestion,
        GradientQuestion,
        GrowthQuestion,
        HeardQuestion,
        HistoryQuestion,
        ImportanceQuestion,
        LayerQuestion,
        MetricsQuestion,
        NetworkQuestion,
        NormsQuestion,
        OverviewQuestion,
        PatchesQuestion,
        PicturesQuestion,
        PlaneQuestion,
        RangesQuestion,
        ReadingQuestion,
        SaveQuestion,
        ScoresQuestion,
        SoundQuestion,
        SpectrumQuestion,
        SpreadQuestion,
        SurfaceQuestion,
        SweepQuestion,
        TermsQuestion,
        TileQuestion,
        TokensQuestion,
        TrendsQuestion,
        UpdateQuestion,
        VerdictsQuestion,
        WeightsQuestion,
        WorkingQuestion,
    )
}
"""Each question by what it is called on the wire."""
