"""Run small jobs at another commit and in this checkout and compare them: for changes that must not change any figure.

    python scripts/benchmarks/compare_commits.py --commit HEAD~1 --jobs text_masked image_codes

Both sides run the same commands with one thread, on random words and smooth random images that are made once. All figures
of log.jsonl except times, the held-out figures, and the files of processor and model must be bit-identical; weights may
differ by 1e-6. The job "comparison" only shows its figures; its runs are compared like others. Exit status 1: jobs differ.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet
from PIL import Image

from hf_ssl.common.errors import UserError
from hf_ssl.common.flags import parse_arguments
from hf_ssl.common.script import run_script

if TYPE_CHECKING:  # --help must not wait for torch
    from torch import Tensor

CHECKOUT = Path(__file__).resolve().parents[2]
CLOCK = {"seconds", "data_seconds"}  # of a step
TOLERANCE = 1e-6  # of weights
COMPARED = ("processor", "model")  # folders of a run
SHORT = "--max_steps 24 --eval_steps 8 --save_steps 24"
TEXT = f"--dataset_name {{data}}/texts.parquet --sequence_length 64 --vocabulary_size 1000 {SHORT}"
IMAGES = f"--dataset_name {{data}}/images.parquet --image_size 16 --batch_size 32 {SHORT}"
TORCHRUN = "-m torch.distributed.run --standalone --nproc_per_node 2"
JOBS = {
    "text_masked": f"{{scripts}}/pretrain_mlm.py --batch_size 8 {TEXT}",
    "text_two_processes": f"{TORCHRUN} {{scripts}}/pretrain_mlm.py --batch_size 8 --mixed_precision no {TEXT}",
    "text_causal": f"{{scripts}}/pretrain.py --task causal_language --batch_size 8 {TEXT}",
    "text_contrastive": f"{{scripts}}/pretrain.py --task contrastive --batch_size 128 {TEXT}",
    "image_masked": f"{{scripts}}/pretrain_mim.py {IMAGES}",
    "image_simmim": f"{{scripts}}/pretrain_mim.py --objective simmim {IMAGES}",
    "image_contrastive": f"{{scripts}}/pretrain.py --task contrastive {IMAGES}",
    "image_codes": f"{{scripts}}/pretrain.py --task masked_codes {IMAGES}",
    "image_rotation": f"{{scripts}}/pretrain.py --task rotation {IMAGES}",
    "image_accumulation": f"{{scripts}}/pretrain.py --task rotation --gradient_accumulation_steps 2 {IMAGES}",
    "image_autoencoder": f"{{scripts}}/pretrain.py --task autoencoder --variational true {IMAGES}",
    "comparison": "{scripts}/compare.py --dataset_name {data}/labelled.parquet --image_size 16 --budget 20s",
}


@dataclass
class Flags:
    """What to compare."""

    commit: str = field(metadata={"help": "Commit, tag or branch to compare with.", "default": "must be given"})
    jobs: list[str] = field(
        default_factory=lambda: [*JOBS], metadata={"choices": [*JOBS], "help": "Which jobs to run.", "default": "all"}
    )
    folder: str | None = field(
        default=None, metadata={"help": "Folder to keep for the next run.", "default": "a temporary one"}
    )


@dataclass(frozen=True)
class Side:
    """A tree whose scripts and package are run, and a folder for the runs."""

    tree: Path
    runs: Path

    def python(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run Python so that it imports the package from the tree."""
        self.runs.mkdir(parents=True, exist_ok=True)
        env = os.environ | {"PYTHONPATH": str(self.tree), "HF_HOME": str(self.runs / "cache"), "OMP_NUM_THREADS": "1"}
        return subprocess.run([sys.executable, *words], cwd=self.runs, env=env, capture_output=True, text=True)  # noqa: S603

    def run(self, job: str, data: Path, reuse: bool) -> list[str]:
        """Run a job, unless an earlier run can be reused; return a line if it fails."""
        words = [word.format(scripts=self.tree / "scripts", data=data) for word in JOBS[job].split()]
        done = self.runs / job / "compared.json"  # written last
        if reuse and done.exists() and json.loads(done.read_text(encoding="utf-8")) == words:
            return []
        shutil.rmtree(self.runs / job, ignore_errors=True)
        ended = self.python(*words, "--output_dir", job)
        (self.runs / f"{job}.output").write_text(ended.stdout + ended.stderr)
        if ended.returncode:
            return [f"DIFFERENT: {self.runs.name} failed: {(ended.stderr.strip() or 'silently').splitlines()[-1]}"]
        done.write_text(json.dumps(words))
        return []


def main(arguments: list[str]) -> None:
    """Run the jobs on both sides and compare them, one by one."""
    (flags,) = parse_arguments([Flags], arguments, str(__doc__))
    different = []
    with ExitStack() as stack:
        folder = Path(flags.folder or stack.enter_context(tempfile.TemporaryDirectory())).resolve()
        old, new = Side(folder / "old", folder / "runs" / "old"), Side(CHECKOUT, folder / "runs" / "new")
        _check_out(flags.commit, old.tree)
        if not flags.folder:
            stack.callback(_git, "worktree", "remove", "--force", str(old.tree))
        _write_data(folder / "data")
        for side in (old, new):
            found = side.python("-c", "import hf_ssl; print(hf_ssl.__file__)")
            if not found.stdout.startswith(f"{side.tree}{os.sep}"):
                raise UserError(f"hf_ssl does not come from {side.tree}: {(found.stdout or found.stderr).strip()}")
        for job in flags.jobs:
            lines = old.run(job, folder / "data", reuse=True) + new.run(job, folder / "data", reuse=False)
            lines = lines or compare_jobs(old.runs / job, new.runs / job)
            print(*(f"{job:20}{line}" for line in lines), sep="\n", flush=True)
            different += [job] if any(line.startswith("DIFFERENT") for line in lines) else []
    if different:
        raise UserError(f"{len(different)} of {len(flags.jobs)} jobs differ: {', '.join(different)}")


def compare_jobs(old: Path, new: Path) -> list[str]:
    """Return a line per run of a job; a comparison has its runs in subfolders, and its own figures follow."""
    runs = [sorted(job.glob("pretrained/*")) or [job] for job in (old, new)]
    lines = [compare_runs(*pair) for pair in zip(*runs, strict=False)]
    lines += [f"DIFFERENT: {len(runs[0])} and {len(runs[1])} runs"] if len(runs[0]) != len(runs[1]) else []
    methods = [json.loads((job / "results.json").read_text(encoding="utf-8")).get("methods", {}) for job in (old, new)]
    for name in methods[0] | methods[1]:
        for key in ("knn_accuracy", "linear_accuracy", "kmeans_nmi"):
            means = [side.get(name, {}).get("figures", {}).get(key, {}).get("mean") for side in methods]
            lines.append(f"  {name} {key}: {means[0]}, {means[1]}{'' if means[0] == means[1] else ' (changed)'}")
    return lines


def compare_runs(old: Path, new: Path) -> str:
    """Compare two run folders: "same" or "DIFFERENT", then steps, losses, samples, weights, and what else differs."""
    from safetensors.torch import load_file  # heavy: after --help

    logs = [
        [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
        for run in (old, new)
    ]
    first: dict[str, str] = {}
    for step, (one, other) in enumerate(zip_longest(*logs, fillvalue={}), start=1):
        for name in sorted((one.keys() | other.keys()) - CLOCK):
            if repr(one.get(name)) != repr(other.get(name)):  # repr shows every bit
                first.setdefault(name, f"differ from step {step}")
    losses, samples = first.pop("loss", "identical"), first.pop("samples", "identical")
    others = [f"{name} ({said})" for name, said in first.items()]
    held_out = [json.loads((run / "results.json").read_text(encoding="utf-8"))["heldout"] for run in (old, new)]
    others += ["held-out figures"] if len({json.dumps(figures, sort_keys=True) for figures in held_out}) > 1 else []
    files = [path.relative_to(run) for run in (old, new) for path in run.glob("*/*.*") if path.parent.name in COMPARED]
    largest = 0.0
    for path in sorted(set(files)):
        if path.parent.name == "model" and path.suffix == ".safetensors" and files.count(path) == 2:
            largest = max(largest, _largest_difference(load_file(old / path), load_file(new / path)))
        elif files.count(path) < 2 or (old / path).read_bytes() != (new / path).read_bytes():
            others.append(str(path))
    same = losses == samples == "identical" and not others and largest <= TOLERANCE
    line = f"{'same' if same else 'DIFFERENT'}: {min(map(len, logs))} steps, losses {losses}, samples {samples}, "
    return f"{line}weights within {largest:.3g}" + (f"; also different: {', '.join(others)}" if others else "")


def _largest_difference(old: dict[str, Tensor], new: dict[str, Tensor]) -> float:
    """Return the largest difference of any element; infinite if the tensors differ in name, shape or type."""
    if len({str([(name, side[name].shape, side[name].dtype) for name in sorted(side)]) for side in (old, new)}) > 1:
        return float("inf")
    return max(float((old[n].double() - new[n].double()).abs().max().nan_to_num(float("inf"))) for n in old)


def _git(*words: str) -> str:
    ended = subprocess.run(["git", "-C", str(CHECKOUT), *words], capture_output=True, text=True)  # noqa: S603, S607
    if ended.returncode:
        raise UserError(f"git {' '.join(words)}: {' '.join(ended.stderr.split())}")
    return ended.stdout.strip()


def _check_out(commit: str, tree: Path) -> None:
    """Check a commit out into a folder, or verify that the folder holds it."""
    wanted = _git("rev-parse", "--verify", f"{commit}^{{commit}}")
    if not tree.exists():
        _git("worktree", "add", "--detach", str(tree), wanted)
    elif (there := _git("-C", str(tree), "rev-parse", "HEAD")) != wanted:
        raise UserError(f"{tree} holds commit {there[:12]}, not {wanted[:12]}; name another --folder")


def _write_data(folder: Path) -> None:
    """Write texts of random words, smooth random images of several kinds, and some images with their kind as label."""
    if (folder / "labelled.parquet").exists():  # written last
        return
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    words = ["".join(generator.choice(list("aeiklmnorstu"), generator.integers(3, 9))) for _ in range(1000)]
    texts = [" ".join(words[place] for place in generator.zipf(1.3, 60) % len(words)) for _ in range(2400)]
    kinds, images = generator.integers(4, size=2400), []
    grids = generator.integers(256, size=(4, 4, 4, 3))[kinds] + generator.normal(0, 150, (2400, 4, 4, 3))
    for grid in grids.clip(0, 255).astype(np.uint8):
        Image.fromarray(grid).resize((20, 20), Image.Resampling.BICUBIC).save(file := io.BytesIO(), "png")
        images.append(file.getvalue())
    labelled = pyarrow.table({"image": images, "label": kinds})
    tables = {"texts": pyarrow.table({"text": texts}), "images": labelled.select(["image"]), "labelled": labelled[:600]}
    for name, table in tables.items():
        pyarrow.parquet.write_table(table, folder / f"{name}.parquet", row_group_size=150)  # several shards


if __name__ == "__main__":
    run_script(main)
