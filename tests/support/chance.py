"""The random number that a run's moments come from: ``VYA_CHAOS_SEED`` gives it again."""

from __future__ import annotations

import os
import random

SEED = int(os.environ.get("VYA_CHAOS_SEED", "0")) or random.randrange(1, 2**32)
