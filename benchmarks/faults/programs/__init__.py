"""Ordinary PyTorch trainings, healthy and with one fault planted, on which a check-up is judged."""
