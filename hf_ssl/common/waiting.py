"""How threads wait for one another: they spin briefly, then sleep, so that a busy machine costs its share and no more."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

# OpenMP runtime -> (its variable, our value, the user's settings that say the same). libgomp spins 300,000 times or more by
# default; 10,000 rounds bridge the gaps between the operations of a step. libomp (macOS) counts in milliseconds, default 200.
SETTINGS = {
    "GOMP_SPINCOUNT": ("10000", ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")),
    "KMP_BLOCKTIME": ("1", ("KMP_BLOCKTIME", "OMP_WAIT_POLICY")),
}


def spin_briefly(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let OpenMP threads spin only briefly at barriers, unless the user has chosen how they wait.

    Spinning threads take the cores that the others need to arrive: beside busy processes, a step took up to fifty times as
    long. The variables are read when torch is imported, so this runs when hf_ssl.common is; child processes inherit them.
    """
    for name, (value, chosen) in SETTINGS.items():
        if not any(setting in environment for setting in chosen):
            environment[name] = value
