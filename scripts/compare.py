"""Should I pretrain, cluster, or pay for labels? One report on your own rows.

    python scripts/compare.py --dataset_name user/data                    # five minutes on two cores
    python scripts/compare.py --dataset_name user/data --budget 1h --run runs/mine runs/other
    python scripts/compare.py --dataset_name embedded:docs                # built in

Data are text or images; labels are optional. The folder holds report.html (self-contained), report.md, results.json and
plots. Rerun the command to resume.
"""

from __future__ import annotations

from hf_ssl.common.flags import parse_arguments
from hf_ssl.common.progress import say
from hf_ssl.common.script import command_line, run_script
from hf_ssl.comparison.arguments import ComparisonArguments
from hf_ssl.data.arguments import DataArguments
from hf_ssl.modalities.known import reading_flags


def main(arguments: list[str]) -> None:
    """Parse the flags and compare."""
    types = [ComparisonArguments, reading_flags(), DataArguments]
    comparison, reading, data = parse_arguments(types, arguments, str(__doc__))
    say("loading libraries")

    from hf_ssl.comparison.compare import compare  # heavy: after --help

    compare(comparison, data, reading, command_line(arguments))


if __name__ == "__main__":
    run_script(main)
