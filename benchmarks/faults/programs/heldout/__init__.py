"""The half on which the check-up is judged; nobody chooses a threshold by looking at it."""
