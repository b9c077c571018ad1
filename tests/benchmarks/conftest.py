"""The benchmarks run as scripts, whose folder is on the path: so it is for their tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
