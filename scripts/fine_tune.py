"""Fine-tune a checkpoint into a classifier on few or many labels, measure it, write its card.

    python scripts/fine_tune.py --model_name_or_path runs/mine --dataset_name user/data --labels_per_class 10
    python scripts/fine_tune.py --model_name_or_path runs/mine --dataset_name user/data --from_scratch true   # to compare

The folder holds the model (for transformers' ...ForSequenceClassification or ...ForImageClassification), results.json and the
card README.md; scripts/publish.py publishes it.
"""

from __future__ import annotations

from hf_ssl.common.flags import parse_arguments
from hf_ssl.common.progress import say
from hf_ssl.common.script import command_line, run_script
from hf_ssl.data.arguments import DataArguments
from hf_ssl.runs.fine_tuning_arguments import FineTuningArguments


def main(arguments: list[str]) -> None:
    """Parse the flags and fine-tune."""
    fine_tuning, data = parse_arguments([FineTuningArguments, DataArguments], arguments, str(__doc__))
    say("loading libraries")

    from hf_ssl.runs.fine_tune import fine_tune  # heavy: after --help

    fine_tune(fine_tuning, data, command_line(arguments))


if __name__ == "__main__":
    run_script(main)
