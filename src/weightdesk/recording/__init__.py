"""Watch a training as it runs."""

from weightdesk.recording.watch import Recording, watch

__all__ = ["Recording", "watch"]
