"""What all tests share: no network but loopback, made-up data, a way to run the real scripts."""

from __future__ import annotations

import atexit
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

HOME = tempfile.mkdtemp(prefix="hf_home_")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ.update(
    HF_HOME=HOME,
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_DISABLE_UPDATE_CHECK="1",
    HF_HUB_DISABLE_XET="1",  # the Hub of these tests takes large files by plain HTTP
    TOKENIZERS_PARALLELISM="false",
    OMP_NUM_THREADS="1",  # tests share the cores: threads that wait for each other would spin
    HF_ENDPOINT="http://127.0.0.1:9",  # nothing listens there: whatever wants the Hub fails at once
)

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import pytest_socket
from PIL import Image

from hf_ssl.common.errors import UserError
from hf_ssl.data.rows import Block
from hf_ssl.modalities.prepared import Needs, Prepared
from hf_ssl.pretext.base import PretextTask
from hf_ssl.pretext.pairing import Pairing, pair

pytest_plugins = ["hub_fixtures", "demo_fixtures", "page_fixtures"]

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
    folder: Path,
    count: int = 600,
    files: int = 2,
    row_group_size: int = 50,
    by_label: bool = False,
    labelled: bool = True,
) -> Path:
    """A data set of labelled sentences as Parquet files with page checksums."""
    texts, labels = sentences(count)
    if by_label:
        order = np.argsort(labels, kind="stable")
        texts, labels = [texts[i] for i in order], [labels[i] for i in order]
    folder.mkdir(parents=True, exist_ok=True)
    for number, rows in enumerate(np.array_split(np.arange(count), files)):
        table = pa.table({"text": [texts[i] for i in rows], "label": [labels[i] for i in rows]})
        table = table if labelled else table.select(["text"])
        pa.parquet.write_table(
            table, folder / f"train-{number:05d}.parquet", row_group_size=row_group_size, write_page_checksum=True
        )
    return folder


def picture(label: int, generator: np.random.Generator, size: int = 20) -> Image.Image:
    """A made-up photograph: a bright field on the left, in the middle or on the right, on a dark ground, upright."""
    pixels = generator.integers(0, 60, (size, size + 4, 3))
    pixels[: size // 3, :, label] += 60
    pixels[size // 3 :, 2 + 6 * label : 10 + 6 * label, :] += 120
    return Image.fromarray(pixels.astype(np.uint8))


def png(image: Image.Image, kind: str = "png", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def image_block(count: int) -> Block:
    """Made-up photographs as rows."""
    generator = np.random.default_rng(0)
    labels = generator.integers(3, size=count)
    files = [{"bytes": png(picture(label, generator)), "path": None} for label in labels]
    return Block(0, np.arange(count), pa.table({"image": files, "label": labels}))


def text_block(count: int) -> Block:
    """Made-up sentences as rows."""
    texts, labels = sentences(count)
    return Block(0, np.arange(count), pa.table({"text": texts, "label": labels}))


BLOCKS = {"images": image_block, "text": text_block}


def inputs_of(modality: Any, block: Block) -> list[Any]:
    """What a modality reads out of the rows of a block."""
    return [value for _, value in modality.reader().read(block)[0]]


def needs_of(task: PretextTask) -> Needs:
    """What a task needs of its modality."""
    return Needs(task.packed, task.causal)


def learned(pairing: Pairing, block: Block) -> Prepared:
    """What modality and task learn from the rows of a block before training, as a run does."""
    task, modality = pairing.task, pairing.modality.for_columns(block.table, "made up")
    inputs = inputs_of(modality, block)
    prepared = modality.prepare(inputs, needs_of(task))
    return replace(prepared, statistics=prepared.statistics | task.survey(inputs, prepared))


def batch_of(task: PretextTask, prepared: Prepared, block: Block, rows: int = 8, first: int = 0):
    """The samples of a block from the ``first`` on, as one batch."""
    encoder = prepared.modality.row_encoder(prepared, needs_of(task))
    return prepared.modality.collate(encoder.encode(block, [])[0][first : first + rows])


def made_batch(task: str, modality: str, rows: int = 8, **settings):
    """A task, what was learned from 200 made-up rows, and a batch of the first rows."""
    pairing, block = pair(task, modality, **settings), BLOCKS[modality](200)
    prepared = learned(pairing, block)
    return pairing.task, prepared, batch_of(pairing.task, prepared, BLOCKS[modality](max(200, rows)), rows)


def image_batch(task: str, rows: int = 8, **settings):
    """See `made_batch`."""
    return made_batch(task, "images", rows, **settings)


def text_batch(task: str, rows: int = 8, **settings):
    """See `made_batch`."""
    return made_batch(task, "text", rows, **settings)


def write_images(
    folder: Path, count: int = 240, files: int = 2, row_group_size: int = 30, extra=(), labelled: bool = True
) -> Path:
    """A data set of pictures as Parquet; ``extra``: contents of further files, at its beginning."""
    generator = np.random.default_rng(0)
    labels = generator.integers(3, size=count).tolist()
    rows = [{"bytes": png(picture(label, generator)), "path": f"{n}.png"} for n, label in enumerate(labels)]
    rows = [{"bytes": data, "path": f"extra_{n}"} for n, data in enumerate(extra)] + rows
    labels = [0] * len(extra) + labels
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    folder.mkdir(parents=True, exist_ok=True)
    for number, part in enumerate(np.array_split(np.arange(len(rows)), files)):
        columns = {"image": [rows[i] for i in part], "label": [labels[i] for i in part]}
        table = pa.table(columns, schema=features.arrow_schema)
        path = folder / f"train-{number:05d}.parquet"
        table = table if labelled else table.select(["image"])
        pa.parquet.write_table(table, path, row_group_size=row_group_size, write_page_checksum=True)
    return folder


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without labels: measuring features takes longer than training."""
    return write_images(tmp_path_factory.mktemp("data") / "pictures", labelled=False)


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


SMALL_IMAGES = [
    "--image_size=16", "--batch_size=16", "--max_steps=12", "--save_steps=4", "--eval_steps=6", "--mixed_precision=no",
]  # fmt: skip


def command(*arguments: object, script: str = "pretrain_mlm.py") -> list[str]:
    return [sys.executable, str(ROOT / "scripts" / script), *map(str, arguments)]


def run(
    *arguments: object,
    cache: Path,
    script: str = "pretrain_mlm.py",
    environment: dict[str, str] | None = None,
    **options,
) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    environment = os.environ | {"HF_HOME": str(cache), "OMP_NUM_THREADS": "1"} | (environment or {})
    return subprocess.run(
        command(*arguments, script=script), env=environment, capture_output=True, text=True, timeout=280, **options
    )


def pretrain(*arguments: object, script: str = "pretrain_mlm.py") -> None:
    """Run the script's main function in this process: faster, and its errors are exceptions."""
    path = ROOT / "scripts" / script
    specification = importlib.util.spec_from_file_location(f"script {path.stem}", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # dataclasses look up their own there
    specification.loader.exec_module(module)
    module.main([str(argument) for argument in arguments])


def refused(folder: Path, *arguments, match: str) -> None:
    """The run is refused with a sentence, and leaves no trace."""
    existed = folder.exists()
    with pytest.raises(UserError, match=match) as caught:
        pretrain(*SMALL, *arguments, "--output_dir", folder)
    assert "\n" not in str(caught.value)
    assert folder.exists() == existed
