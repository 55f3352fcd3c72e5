"""How scripts end: a user's mistake is one sentence and a non-zero status, never a traceback."""

import os
import re
import sys
from collections.abc import Callable

from hf_ssl.errors import UserError, in_one_line


def run_script(main: Callable[[list[str]], None]) -> None:
    """Run ``main`` with the command line and leave with its status.

    0: done; 1: something the user can mend; 128 + n: stopped by signal n, everything saved.
    """
    from hf_ssl.training.signals import Stopped

    status = 0
    try:
        main(sys.argv[1:])
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        status = 1
    except Stopped as stop:
        print(stop, file=sys.stderr)
        status = 128 + stop.number
    except RuntimeError as error:
        # What the collectives raise when a peer is gone or silent has no class of its own.
        if "LOCAL_RANK" not in os.environ or not re.search("gloo|nccl|connection|timed out", str(error), re.IGNORECASE):
            raise
        print(
            f"error: a process of this run failed or was lost: {in_one_line(error)}; run the same command to go on",
            file=sys.stderr,
        )
        status = 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last checkpoint, if there is one", file=sys.stderr)
        status = 130
    sys.stdout.flush()
    sys.stderr.flush()
    # Readers of streamed data may still hold threads, whose end the interpreter would wait for or abort on.
    os._exit(status)
