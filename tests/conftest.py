"""What all tests share: no network but loopback, made-up data, a way to run the real scripts."""

import atexit
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HOME = tempfile.mkdtemp(prefix="hf_home_")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ.update(
    HF_HOME=HOME,
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_DISABLE_UPDATE_CHECK="1",
    TOKENIZERS_PARALLELISM="false",
    HF_ENDPOINT="http://127.0.0.1:9",  # nothing listens there: whatever wants the Hub fails at once
)

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import pytest_socket

ROOT = Path(__file__).parent.parent
TOPICS = {
    "garden": "rose soil seed bloom water leaf garden green spade earth root grow",
    "kitchen": "pan oven salt butter knife boil kitchen sugar stir bake spoon taste",
    "harbour": "ship sail rope wave harbour tide anchor deck captain storm crew mast",
}
COMMON = "the a of and to in is it that with for on as was at by this had not are"


def pytest_runtest_setup() -> None:
    pytest_socket.socket_allow_hosts(["127.0.0.1", "localhost", "::1"], allow_unix_socket=True)


def sentences(count: int, seed: int = 0) -> tuple[list[str], list[int]]:
    """Made-up texts on three topics, with their topics, shuffled."""
    generator = np.random.default_rng(seed)
    topics = [words.split() for words in TOPICS.values()]
    texts, labels = [], []
    for number in range(count):
        label = int(generator.integers(len(topics)))
        words = generator.choice([*topics[label], *COMMON.split()], size=int(generator.integers(8, 40)))
        texts.append(f"{' '.join(words)} {number}.")
        labels.append(label)
    return texts, labels


def write_parquet(
    folder: Path, count: int = 600, files: int = 2, row_group_size: int = 50, by_label: bool = False
) -> Path:
    """A data set of labelled sentences as Parquet files with page checksums."""
    texts, labels = sentences(count)
    if by_label:
        order = np.argsort(labels, kind="stable")
        texts, labels = [texts[i] for i in order], [labels[i] for i in order]
    folder.mkdir(parents=True, exist_ok=True)
    for number, rows in enumerate(np.array_split(np.arange(count), files)):
        table = pa.table({"text": [texts[i] for i in rows], "label": [labels[i] for i in rows]})
        pa.parquet.write_table(
            table, folder / f"train-{number:05d}.parquet", row_group_size=row_group_size, write_page_checksum=True
        )
    return folder


@pytest.fixture(scope="session")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_parquet(tmp_path_factory.mktemp("data") / "sentences")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One HF_HOME for the processes that tests start."""
    return tmp_path_factory.mktemp("hf_home")


SMALL = [
    "--sequence_length=32", "--vocabulary_size=400", "--batch_size=8", "--max_steps=12", "--save_steps=4",
    "--eval_steps=6", "--mixed_precision=no",
]  # fmt: skip


def command(*arguments: object, script: str = "pretrain_mlm.py") -> list[str]:
    return [sys.executable, str(ROOT / "scripts" / script), *map(str, arguments)]


def run(
    *arguments: object, cache: Path, script: str = "pretrain_mlm.py", **options
) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    environment = os.environ | {"HF_HOME": str(cache), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command(*arguments, script=script), env=environment, capture_output=True, text=True, timeout=280, **options
    )


def pretrain(*arguments: object) -> None:
    """Run the script's main function in this process: faster, and its errors are exceptions."""
    path = ROOT / "scripts" / "pretrain_mlm.py"
    specification = importlib.util.spec_from_file_location("pretrain_mlm", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    module.main([str(argument) for argument in arguments])
