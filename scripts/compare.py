"""Shall I pretrain, shall I cluster, or shall I pay for labels? One report on your own rows.

    python scripts/compare.py --dataset_name user/data                    # five minutes on two cores
    python scripts/compare.py --dataset_name user/data --budget 1h --run runs/mine runs/other
    python scripts/compare.py --dataset_name embedded:docs                # built in

Text or images; all rows labelled, some or none. The folder holds report.html (one file, no network needed), report.md,
results.json and plots. The same command goes on where it was stopped.
"""

import shlex
import sys

from hf_ssl.arguments import parse_arguments
from hf_ssl.command_line import run_script
from hf_ssl.comparison.arguments import ComparisonArguments
from hf_ssl.data.sources import DataArguments


def main(arguments: list[str]) -> None:
    """Parse the flags, compare."""
    comparison, data = parse_arguments([ComparisonArguments, DataArguments], arguments, str(__doc__))

    from hf_ssl.comparison.compare import compare  # heavy: after --help

    compare(comparison, data, shlex.join(["python", sys.argv[0], *arguments]))


if __name__ == "__main__":
    run_script(main)
