"""Make a checkpoint a classifier: fine-tune it on a few labels or many, measure it, write its card.

    python scripts/fine_tune.py --model_name_or_path runs/mine --dataset_name user/data --labels_per_class 10
    python scripts/fine_tune.py --model_name_or_path runs/mine --dataset_name user/data --from_scratch true   # to compare

The folder holds the model (for transformers' ...ForSequenceClassification or ...ForImageClassification), results.json and the
card README.md; scripts/publish.py publishes it.
"""

import shlex
import sys

from hf_ssl.arguments import parse_arguments
from hf_ssl.command_line import run_script
from hf_ssl.data.sources import DataArguments
from hf_ssl.transfer.arguments import FineTuningArguments


def main(arguments: list[str]) -> None:
    """Parse the flags, fine-tune."""
    fine_tuning, data = parse_arguments([FineTuningArguments, DataArguments], arguments, str(__doc__))

    from hf_ssl.transfer.classify import classify  # heavy: after --help

    classify(fine_tuning, data, shlex.join(["python", sys.argv[0], *arguments]))


if __name__ == "__main__":
    run_script(main)
