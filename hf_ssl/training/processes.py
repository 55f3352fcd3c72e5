"""What the processes of a run tell each other: whether to stop, sums, and hashes of what they trained on."""

import hashlib
import time

import psutil
import torch
from accelerate import Accelerator

from hf_ssl.data.batches import Batch


def total(value: float, accelerator: Accelerator) -> float:
    """Sum of a number over all processes (float64)."""
    if accelerator.num_processes == 1:
        return value
    reduced = accelerator.reduce(torch.tensor(value, dtype=torch.float64, device=accelerator.device), "sum")
    return float(reduced.item())


def samples_hash(batch: Batch, accelerator: Accelerator) -> str:
    """SHA-256 over the source rows and offsets of the global batch, in slot order: the same for any number of processes."""
    digests = b"".join(batch.digests)
    if accelerator.num_processes > 1:
        mine = torch.frombuffer(bytearray(digests), dtype=torch.uint8).to(accelerator.device)
        gathered = accelerator.gather(mine).view(accelerator.num_processes, -1, 16)
        digests = (
            gathered.transpose(0, 1).contiguous().cpu().numpy().tobytes()
        )  # slot s belongs to process s % processes
    return hashlib.sha256(digests).hexdigest()


def cpu_seconds(workers: int) -> float:
    """CPU time of this process with its threads, and of the processes that read data, where there are any."""
    children = psutil.Process().children() if workers else []  # looking for them is not free
    return time.process_time() + sum(sum(child.cpu_times()[:2]) for child in children)
