"""What goes through the network: inputs, outputs, and what the loss asks of the outputs."""

from weightdesk.recording.passes.meter import PassMeter
from weightdesk.recording.passes.queue import PassQueue
from weightdesk.recording.passes.table import passes_table

__all__ = ["PassMeter", "PassQueue", "passes_table"]
