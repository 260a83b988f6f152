"""`make fuzz`: every target, for SECONDS altogether (300)."""

import random
import sys

from tests.fuzz.runner import run
from tests.fuzz.targets import TARGETS

if __name__ == "__main__":
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 300.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    sys.exit(run(TARGETS, seconds, seed))
