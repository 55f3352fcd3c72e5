"""Texts and images as batches for a classifier."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from hf_ssl.data.augmentation import as_float, crop_and_flip
from hf_ssl.evaluation.embed_texts import as_batch
from hf_ssl.modalities.images import ImageTask
from hf_ssl.modalities.text import TextTask
from hf_ssl.models.static import StaticModel
from hf_ssl.pretrained import Pretrained
from hf_ssl.randomness import key_of

SMALLEST_AREA = 0.5  # of the crops that images are trained on


@dataclass(frozen=True)
class Batches:
    """Inputs of a classifier, encoded once.

    Attributes:
        run: whose processor encodes.
        encoded: token lists, or uint8 pixels of shape (rows, 3, size, size).
        device: where batches go.
    """

    run: Pretrained
    encoded: Any
    device: torch.device

    @classmethod
    def of(cls, run: Pretrained, inputs: Sequence[Any]) -> "Batches":
        """Encode inputs as the run's own were; texts are cut to its sequence length."""
        device = run.encoder.device
        if isinstance(run.task, TextTask):
            tokenizer = run.prepared.processor
            special = not isinstance(run.encoder, StaticModel)  # to a mean they would say nothing
            encodings = tokenizer.backend_tokenizer.encode_batch_fast(list(inputs), add_special_tokens=special)
            return cls(run, [encoding.ids[: run.task.sequence_length] or [0] for encoding in encodings], device)
        return cls(run, torch.from_numpy(np.stack(inputs)).permute(0, 3, 1, 2), device)

    def __len__(self) -> int:
        return len(self.encoded)

    def part(self, rows: np.ndarray) -> "Batches":
        """Some of the inputs."""
        kept = [self.encoded[row] for row in rows] if isinstance(self.encoded, list) else self.encoded[rows]
        return Batches(self.run, kept, self.device)

    def take(self, rows: np.ndarray, step: int | None = None, seed: int = 0) -> dict[str, Tensor]:
        """A batch of some rows; images cropped and perhaps mirrored, by (seed, step, place in the batch), if a step is named."""
        if isinstance(self.run.task, TextTask):
            padding = self.run.prepared.processor.pad_token_id or 0
            tokens, mask = as_batch([self.encoded[row] for row in rows], padding)
            return {"input_ids": tokens.to(self.device), "attention_mask": mask.to(self.device)}
        task = cast(ImageTask, self.run.task)
        images = as_float(self.encoded[torch.from_numpy(rows)].to(self.device))
        if step is not None:
            keys = torch.tensor([key_of(seed, step, place) for place in range(len(rows))], device=self.device)
            mirrored = 0.5 if getattr(task, "mirror", True) else 0.0
            images = crop_and_flip(images, keys, images.shape[-1], SMALLEST_AREA, mirrored)
        return {"pixel_values": task.normalise(images, self.run.prepared)}
