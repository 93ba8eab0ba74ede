"""Watch a training as it runs."""

from weightdesk.recording.recording import Recording
from weightdesk.recording.watch import watch

__all__ = ["Recording", "watch"]
