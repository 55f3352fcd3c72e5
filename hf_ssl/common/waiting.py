"""How threads wait for one another: they spin briefly, then sleep, so that a busy machine costs its share and no more."""

from __future__ import annotations

import os
import time
from collections.abc import MutableMapping
from pathlib import Path

SPINS = 10_000  # bridge the gaps between the operations of a step; libgomp itself takes 300,000 or more
SPINS_AMONG_OTHERS = 1_000  # beside busy processes more than twice as fast, on an idle machine a tenth slower
# OpenMP runtime's variable -> the user's settings that say the same; libomp (macOS) counts in milliseconds, default 200.
SETTINGS = {
    "GOMP_SPINCOUNT": ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"),
    "KMP_BLOCKTIME": ("KMP_BLOCKTIME", "OMP_WAIT_POLICY"),
}
LOAD = Path("/proc/loadavg")
LOOKS = 5  # at the load


def spin_briefly(environment: MutableMapping[str, str] = os.environ, load: Path = LOAD) -> None:
    """Let OpenMP threads spin only briefly at barriers, unless the user has chosen how they wait.

    Spinning threads take the cores that the others need to arrive: beside busy processes, a step took up to fifty times as
    long. The variables are read when torch is imported, so this runs when hf_ssl.common is; child processes inherit them.

    Args:
        environment: where to set the variables.
        load: file in which Linux says how many processes run; where there is none, the machine is taken for idle.
    """
    values = {"GOMP_SPINCOUNT": str(SPINS_AMONG_OTHERS if _is_busy(load) else SPINS), "KMP_BLOCKTIME": "1"}
    for name, chosen in SETTINGS.items():
        if not any(setting in environment for setting in chosen):
            environment[name] = values[name]


def _is_busy(load: Path) -> bool:
    """Return whether at least one other process for each core wants to run, and not just for a moment."""
    if not load.exists():
        return False
    running = []
    for _ in range(LOOKS):
        running.append(int(load.read_text(encoding="ascii").split()[3].split("/")[0]))  # this one included
        time.sleep(0.002)  # between looks, 10 ms in all: what runs for a moment is no busy machine
    return min(running) - 1 >= (os.cpu_count() or 1)
