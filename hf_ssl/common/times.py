"""Times as people write them: 90s, 5min, 1h."""

from __future__ import annotations

import re

from hf_ssl.common.errors import UserError

SECONDS = {"s": 1, "sec": 1, "min": 60, "h": 3600}


def seconds_of(flag: str, value: str) -> float:
    """Return a time in seconds.

    Args:
        flag: name of the flag, for the message.
        value: a number with s, min or h.

    Raises:
        UserError: if it is not a time.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) *(s|sec|min|h)?", value.strip())
    if not found:
        raise UserError(f"--{flag} {value!r} is not a time; write it as 90s, 5min or 1h")
    return float(found[1]) * SECONDS[found[2] or "s"]
