"""A small Hugging Face Hub on loopback for the real, unmodified clients: repositories, commits, files, tokens, faults.

    python -m tests.hub_server --folder /tmp/hub --port 8123

starts one that keeps its repositories in a folder and prints what to set, so that the whole life of a model can be tried
without an account. Files are sent without Xet: set HF_HUB_DISABLE_XET=1. In tests, `server.HubServer` is a context manager.
"""
