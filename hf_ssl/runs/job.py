"""A pretraining job, with everything resolved that does not need the data."""

from __future__ import annotations

from dataclasses import dataclass

from hf_ssl.common.errors import UserError
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.embedded import settle
from hf_ssl.modalities.prepared import Needs
from hf_ssl.pretext.base import PretextTask
from hf_ssl.pretext.pairing import Pairing
from hf_ssl.pretext.parts.beginning import BeginsWithContrast
from hf_ssl.training.arguments import TrainingArguments


@dataclass(frozen=True)
class Job:
    """What to pretrain.

    Attributes:
        pairing: task and modality.
        data: data set flags, with the data set named.
        training: training flags, with the learning rates filled in.
        command: the command line, for the card.
        measure_features: whether to measure features against labels, if there are any.
    """

    pairing: Pairing
    data: DataArguments
    training: TrainingArguments
    command: str
    measure_features: bool = True

    @classmethod
    def of(cls, pairing: Pairing, data: DataArguments, training: TrainingArguments, command: str) -> Job:
        """Return a job with everything resolved that does not need the data.

        Raises:
            UserError: if flags conflict.
        """
        task, modality = pairing.task, pairing.modality
        if task.needs_whole_batch and training.gradient_accumulation_steps > 1:
            raise UserError(
                f"--gradient_accumulation_steps does not work with {task.name}, which compares all samples of a batch; "
                "use more processes, or a smaller --batch_size"
            )
        begun = isinstance(task, BeginsWithContrast) and task.continues and task.wants_contrast(modality)
        settled = training.settled(pairing.learning_rates, begun or modality.model_name_or_path is not None)
        return cls(pairing, settle(data, modality.embedded), settled, command)

    @property
    def task(self) -> PretextTask:
        """Return the pretext task."""
        return self.pairing.task

    @property
    def needs(self) -> Needs:
        """Return what the task needs from its modality."""
        return Needs(self.task.packed, self.task.causal, not self.task.brings_encoder)

    @property
    def most_skipped(self) -> float:
        """Return the share of unusable rows above which the run stops."""
        usual: float = self.pairing.modality.most_skipped
        return usual if self.data.max_skipped is None else self.data.max_skipped
