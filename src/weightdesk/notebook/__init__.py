"""The desk in a notebook: the same page as the server's, answered by the kernel.

`weightdesk.notebook.widget` needs the extra `weightdesk[notebook]` and is imported only when a desk is shown.
"""

from weightdesk.notebook.showing import show

__all__ = ["show"]
