"""The commands of `weightdesk`, one a file.

Nothing here imports torch before a command runs, so that help comes at once.
"""
