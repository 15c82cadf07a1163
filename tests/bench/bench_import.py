"""How long ``import foretell`` and ``foretell --help`` take in a fresh process. Budget: 0.6 s each."""

import subprocess
import sys
import time
from pathlib import Path

RUNS = 7
BUDGET_SECONDS = 0.6
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import foretell": [sys.executable, "-c", "import foretell"],
    "foretell --help": [str(Path(sys.executable).with_name("foretell")), "--help"],
}


def seconds(command: list[str]) -> float:
    """Return the wall time of one run of a command that must succeed."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> int:
    """Print median and slowest run of each command; return 1 if a median is over the budget."""
    over = False
    print(f"{'command':<18} {'median s':>9} {'slowest s':>10}   of {RUNS} runs, after one to warm up")
    for name, command in COMMANDS.items():
        seconds(command)
        runs = sorted(seconds(command) for _ in range(RUNS))
        median = runs[RUNS // 2]
        over |= median > BUDGET_SECONDS
        print(f"{name:<18} {median:>9.3f} {runs[-1]:>10.3f}{'   over the budget' if median > BUDGET_SECONDS else ''}")
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
