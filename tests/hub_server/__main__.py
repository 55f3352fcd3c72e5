"""Start a Hub on loopback and print how to use it."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

from .server import TOKENS, HubServer


def main() -> None:
    parser = argparse.ArgumentParser(description="A small Hugging Face Hub on this machine, for trying things out.")
    parser.add_argument("--folder", type=Path, required=True, help="Where its repositories are kept.")
    parser.add_argument("--port", type=int, default=8123, help="To listen on.")
    arguments = parser.parse_args()
    with HubServer(arguments.folder, arguments.port) as server:
        print(f"export HF_ENDPOINT={server.url} HF_HUB_DISABLE_XET=1 HF_HOME={arguments.folder.resolve()}/home")
        for token, account in TOKENS.items():
            print(f"export HF_TOKEN={token}   # {account.name}, may {account.role}")
        print(f"{server.url} lists what is there; Ctrl-C ends the server", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
