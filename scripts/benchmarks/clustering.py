"""Compare k-means on a stream with k-means in memory: inertia, peak memory, seconds.

    OMP_NUM_THREADS=1 taskset -c 0 python scripts/benchmarks/clustering.py

Embeddings are a Gaussian mixture with twice as many components as clusters, made block by block from the seed. The full fit is
scikit-learn's KMeans on the first rows; random rows as centres show what fitting gains. Inertia is the mean squared distance
to the nearest centre, over all rows of the stream. Each arm runs in its own process, whose peak memory is its largest
resident set; CPU seconds cover finding the centres, embeddings included.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from hf_ssl.common.errors import UserError
from hf_ssl.common.flags import parse_arguments
from hf_ssl.common.progress import say
from hf_ssl.common.script import run_script

SPREAD = 2.0  # of component means; rows spread by 1 around them in every dimension


@dataclass
class Benchmark:
    """Sizes of the stream."""

    rows: int = field(default=1_000_000, metadata={"help": "Rows of the stream."})
    dimensions: int = field(default=256, metadata={"help": "Dimensions of a row."})
    clusters: int = field(default=1000, metadata={"help": "Centres."})
    fitted_rows: int = field(default=50_000, metadata={"help": "Number of first rows that the full fit uses."})
    batch_size: int = field(default=8192, metadata={"help": "Rows per batch."})
    passes: int = field(default=2, metadata={"help": "Passes over the stream, after the one that draws a sample."})
    seed: int = field(default=0, metadata={"help": "Seed for embeddings and starts."})
    arm: str = field(default="all", metadata={"help": "all, each in its own process; or a single one in this process."})

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if name not in ("seed", "arm") and not value > 0:
                raise UserError(f"--{name} must be above 0, not {value}")
        if self.arm not in ("all", *ARMS):
            raise UserError(f"--arm must be one of all, {', '.join(ARMS)}, not {self.arm}")
        if not self.clusters <= self.fitted_rows <= self.rows:
            raise UserError("--clusters must be at most --fitted_rows, and --fitted_rows at most --rows")


def main(arguments: list[str]) -> None:
    """Run the arms one after the other and print their figures."""
    (sizes,) = parse_arguments([Benchmark], arguments, str(__doc__))
    if sizes.arm != "all":
        print(json.dumps(_measured(sizes, ARMS[sizes.arm])))
        return
    figures = {}
    for arm in ARMS:
        say(arm.replace("_", " "))
        flags = [f"--{name}={value}" for name, value in (asdict(sizes) | {"arm": arm}).items()]
        done = subprocess.run([sys.executable, __file__, *flags], check=True, stdout=subprocess.PIPE)  # noqa: S603 (this script)
        figures[arm] = json.loads(done.stdout)
    print(f"{'':16}{'inertia':>10}{'CPU seconds':>14}{'peak MiB':>10}")
    for arm, figure in figures.items():
        print(f"{arm:16}{figure['inertia']:>10.3f}{figure['cpu_seconds']:>14.1f}{figure['peak_mib']:>10.0f}")
    ratio = figures["stream"]["inertia"] / figures["full_fit"]["inertia"]
    print(f"inertia of the stream's centres over that of the full fit's, on all {sizes.rows:,} rows: {ratio:.3f}")
    conditions = {"load": os.getloadavg()[0], **asdict(sizes)}
    print(json.dumps({"figures": figures, "ratio": ratio, "conditions": conditions}), file=sys.stderr)


def embeddings(sizes: Benchmark) -> Iterator[np.ndarray]:
    """Yield the stream: float32 batches of shape (batch_size, dimensions), reproducible; the last may be smaller."""
    means = np.random.default_rng(sizes.seed).normal(size=(2 * sizes.clusters, sizes.dimensions)).astype(np.float32)
    for block, begin in enumerate(range(0, sizes.rows, sizes.batch_size)):
        generator = np.random.default_rng((sizes.seed, block))
        rows = min(sizes.batch_size, sizes.rows - begin)
        noise = generator.standard_normal((rows, sizes.dimensions), np.float32)
        yield noise + SPREAD * means[generator.integers(len(means), size=rows)]


def stream(sizes: Benchmark) -> np.ndarray:
    """Fit mini-batch k-means on the whole stream; return the centres."""
    from hf_ssl.unsupervised.clustering import stream_kmeans

    return stream_kmeans(lambda: embeddings(sizes), sizes.clusters, sizes.seed, sizes.passes)


def full_fit(sizes: Benchmark) -> np.ndarray:
    """Fit KMeans on the first rows, all in memory; return the centres."""
    from sklearn.cluster import KMeans

    found = KMeans(sizes.clusters, n_init=1, random_state=sizes.seed).fit(_first_rows(sizes))
    return np.asarray(found.cluster_centers_)


def random_rows(sizes: Benchmark) -> np.ndarray:
    """Return the first rows as centres: they come in random order."""
    return _first_rows(sizes)[: sizes.clusters]


ARMS = {"stream": stream, "full_fit": full_fit, "random_rows": random_rows}


def _first_rows(sizes: Benchmark) -> np.ndarray:
    rows = np.empty((sizes.fitted_rows, sizes.dimensions), np.float32)
    begin = 0
    for batch in embeddings(sizes):
        rows[begin : begin + len(batch)] = batch[: sizes.fitted_rows - begin]
        begin += len(batch)
        if begin >= sizes.fitted_rows:
            break
    return rows


def _measured(sizes: Benchmark, arm: Callable[[Benchmark], np.ndarray]) -> dict[str, float]:
    from hf_ssl.unsupervised.clustering import assign

    begun = time.process_time()
    centres = arm(sizes)
    seconds = time.process_time() - begun
    total = sum(distances for _, distances in assign(embeddings(sizes), centres))
    return {"inertia": total / sizes.rows, "cpu_seconds": seconds, "peak_mib": _peak_memory()}


def _peak_memory() -> float:
    """Return MiB; on Linux from /proc, because `getrusage` inherits the peak of the parent process."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))[1]) / 2**10  # type: ignore[index] # always there
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    run_script(main)
