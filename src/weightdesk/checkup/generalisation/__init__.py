"""Does it hold for other examples? The gap between training and held-out loss, and what lies behind it."""

from weightdesk.checkup.generalisation.generalisation import Generalisation, generalisation
from weightdesk.checkup.generalisation.weighing import Weighing, weigh

__all__ = ["Generalisation", "Weighing", "generalisation", "weigh"]
