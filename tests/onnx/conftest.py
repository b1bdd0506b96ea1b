"""Small cases run on one thread: waking others takes longer than the work."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
