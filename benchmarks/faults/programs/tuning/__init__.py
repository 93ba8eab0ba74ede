"""The half on which the check-up's thresholds may be chosen."""
