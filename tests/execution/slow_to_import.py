"""A module whose import takes longer than its task may."""

import time

from planted_tasks import succeed

__all__ = ["succeed"]

time.sleep(1.0)
