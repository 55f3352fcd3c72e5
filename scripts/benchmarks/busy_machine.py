"""Measure what other busy processes cost a pretraining run: idle, beside one busy process on each core, beside two.

    python scripts/benchmarks/busy_machine.py

Every arm is the real command on the built-in text, stopped after some seconds of steps. "short spins" is what hf_ssl sets
before torch is loaded, "default spins" is what OpenMP does by itself. Arms take turns within each load; figures are tokens per
second of wall time, from medians over the steps of all rounds.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hf_ssl.common.errors import UserError
from hf_ssl.common.flags import parse_arguments
from hf_ssl.common.progress import print_once
from hf_ssl.common.script import run_script
from hf_ssl.common.waiting import SETTINGS

SCRIPT = Path(__file__).parents[1] / "pretrain_mlm.py"
WARM_UP = 5  # steps that are not counted
LONGEST = 600  # seconds until an arm must have made its first steps
BUSY = "import time\nend = time.time() + 3600\nwhile time.time() < end: sum(range(1000))"
ARMS: dict[str, dict[str, str]] = {
    "default spins": {"GOMP_SPINCOUNT": "300000"},
    "short spins": {},
    "sleep at once": {"OMP_WAIT_POLICY": "PASSIVE"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}


@dataclass
class Benchmark:
    """How long to measure."""

    rounds: int = field(default=2, metadata={"help": "Runs of each arm at each load."})
    seconds: int = field(default=15, metadata={"help": "Seconds of steps in each run."})
    most_busy: int = field(default=2, metadata={"help": "Most busy processes on each core."})
    batch_size: int = field(default=16, metadata={"help": "Blocks of 128 tokens per step."})
    mixed_precision: str = field(default="auto", metadata={"help": "auto, no or bf16, as for pretraining."})

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if name not in ("mixed_precision", "most_busy") and not value > 0:
                raise UserError(f"--{name} must be above 0, not {value}")


def main(arguments: list[str]) -> None:
    """Measure every arm at every load and print the table."""
    (sizes,) = parse_arguments([Benchmark], arguments, str(__doc__))
    idle: dict[str, float] = {}
    found = []
    for busy in range(sizes.most_busy + 1):
        times: dict[str, list[float]] = {name: [] for name in ARMS}
        with _neighbours(busy * (os.cpu_count() or 1)):
            for _ in range(sizes.rounds):
                for name, settings in ARMS.items():
                    times[name] += _step_seconds(settings, sizes)
        for name, seconds in times.items():
            speed = 128 * sizes.batch_size / statistics.median(seconds)
            idle.setdefault(name, speed)
            found.append({"arm": name, "busy_per_core": busy, "tokens_per_second": round(speed), "steps": len(seconds)})
            print_once(
                f"{busy} busy on each core, {name:14}{speed:8,.0f} tokens/s{speed / idle['default spins']:7.0%} of the idle default"
            )
    print(json.dumps({"figures": found, "cores": os.cpu_count(), **asdict(sizes)}), file=sys.stderr)


@contextlib.contextmanager
def _neighbours(count: int) -> Iterator[None]:
    """Keep some processes busy within this context."""
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]  # noqa: S603 - our own command
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def _step_seconds(settings: dict[str, str], sizes: Benchmark) -> list[float]:
    """Run the command for some seconds and return the wall time of its steps."""
    ours = {name: value for name, value in os.environ.items() if name not in (*SETTINGS, "OMP_NUM_THREADS")}
    with tempfile.TemporaryDirectory() as folder:
        flags = {
            "output_dir": f"{folder}/run",
            "batch_size": sizes.batch_size,
            "mixed_precision": sizes.mixed_precision,
        }
        more = {"max_steps": 100_000, "save_steps": 100_000, "eval_steps": 100_000, "contrast_steps": 0}
        command = [sys.executable, str(SCRIPT)]
        command += [part for name, value in (flags | more).items() for part in (f"--{name}", str(value))]
        with (Path(folder) / "output.txt").open("wb") as output:
            process = subprocess.Popen(command, env=ours | settings, stdout=output, stderr=output)  # noqa: S603 - our own command
        try:
            return _watch(Path(folder) / "run" / "log.jsonl", process, sizes.seconds)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(LONGEST)


def _watch(log: Path, process: subprocess.Popen[bytes], seconds: int) -> list[float]:
    begun = time.monotonic()
    while time.monotonic() - begun < LONGEST:
        time.sleep(0.5)
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        steps = [json.loads(line)["seconds"] for line in lines if line.endswith("}")][WARM_UP:]
        if sum(steps) >= seconds:
            return steps
        if process.poll() is not None:
            break
    output = (log.parents[1] / "output.txt").read_text(encoding="utf-8", errors="replace")
    raise UserError(f"the run ended before its steps were measured: {output[-500:]}")


if __name__ == "__main__":
    run_script(main)
