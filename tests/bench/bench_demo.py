"""How long ``foretell demo`` takes in an empty folder, and its peak memory. Budget: 60 s and 2 GB on 2 cores."""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUDGET_SECONDS = 60.0
BUDGET_GIGABYTES = 2.0


def main() -> int:
    """Print wall time, processor time and peak memory of one run; return 1 if it is over the budget."""
    command = [str(Path(sys.executable).with_name("foretell")), "demo"]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, cwd=folder)
        wall = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = used.ru_maxrss / 1e6
    print(f"foretell demo: {wall:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of processor, peak {peak:.2f} GB")
    return int(wall > BUDGET_SECONDS or peak > BUDGET_GIGABYTES)


if __name__ == "__main__":
    sys.exit(main())
