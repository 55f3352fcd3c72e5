"""Small runs to show: of text (masked, contrastive, causal) and of images (MAE, SimMIM)."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, SMALL, SMALL_IMAGES, pretrain, write_images, write_parquet

from hf_ssl.common.run_folder import COMPARISON, RunFolder
from hf_ssl.comparison.outcome import ComparisonResults, Method, Recommendation
from hf_ssl.demo.arguments import DemoArguments
from hf_ssl.demo.opening import Opened, open_demo

APP = ROOT / "spaces" / "ssl_vs_clustering" / "app.py"
TEXT_RUNS = {
    "masked": ["--task", "masked_language"],
    "views": ["--task", "contrastive", "--embedding_size", "32"],
    "causal": ["--task", "causal_language"],
}
IMAGE_RUNS = {"mae": ["--objective", "mae"], "simmim": ["--objective", "simmim"]}


@pytest.fixture(scope="session")
def labelled_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_parquet(tmp_path_factory.mktemp("shown") / "sentences", count=300)


@pytest.fixture(scope="session")
def labelled_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("shown") / "pictures", count=150)


@pytest.fixture(scope="session")
def demo_runs(labelled_texts: Path, labelled_images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of finished runs, by their names above. They are trained without labels: measuring takes longer than training."""
    folder = tmp_path_factory.mktemp("runs")
    texts = write_parquet(tmp_path_factory.mktemp("unlabelled") / "sentences", count=400, labelled=False)
    pictures = write_images(tmp_path_factory.mktemp("unlabelled") / "pictures", count=200, labelled=False)
    for name, flags in TEXT_RUNS.items():
        where = ["--dataset_name", texts, "--output_dir", folder / name]
        pretrain(*SMALL, *flags, *where, script="pretrain.py")
    for name, flags in IMAGE_RUNS.items():
        where = ["--dataset_name", pictures, "--output_dir", folder / name]
        pretrain(*SMALL_IMAGES, *flags, *where, script="pretrain_mim.py")
    return folder


@pytest.fixture(scope="session")
def opened(demo_runs: Path, labelled_texts: Path, labelled_images: Path) -> Opened:
    """All of them, on labelled rows."""
    runs = [str(demo_runs / name) for name in (*TEXT_RUNS, *IMAGE_RUNS)]
    return open_demo(DemoArguments(run=runs, dataset=[str(labelled_texts), str(labelled_images)]))


def write_comparison(folder: Path, settings: dict[str, Any]) -> ComparisonResults:
    """A finished comparison of texts, as it might be."""
    empty: dict[str, Any] = {each.name: {} for each in fields(ComparisonResults)}
    methods = {"tfidf": Method("TF-IDF", "baseline", {"kmeans_nmi": {"mean": 0.9, "low": 0.8, "high": 1.0}}, 0.0, 0.1)}
    advice = Recommendation("Take TF-IDF.", ["it is as good as any"], {})
    data = {"modality": "text"}
    results = ComparisonResults(**empty | {"data": data, "methods": methods, "recommendation": advice, "notes": []})
    with RunFolder(folder, settings, COMPARISON, "python scripts/compare.py") as made:
        made.results.write_text(results.text())
    return results


@contextlib.contextmanager
def answering(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """An app in a process of its own; gives its address once it answers. What it prints is in app.log."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "app.log"
    environment = environment | {"GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False"}
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert process.poll() is None, log.read_text()
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/config", timeout=10):
                break
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def served(*flags: object, cache: Path, folder: Path) -> contextlib.AbstractContextManager[str]:
    """The app of this project; see `answering`."""
    command = [sys.executable, str(APP), *map(str, flags)]
    return answering(command, folder, os.environ | {"HF_HOME": str(cache)})


@pytest.fixture(scope="session")
def space_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what that app prints is in app.log."""
    return tmp_path_factory.mktemp("app")


@pytest.fixture(scope="session")
def space(
    demo_runs: Path,
    labelled_texts: Path,
    labelled_images: Path,
    space_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """Address of the app with all those runs, on labelled rows."""
    runs = [demo_runs / name for name in (*TEXT_RUNS, *IMAGE_RUNS)]
    flags = ["--run", *runs, "--dataset", labelled_texts, labelled_images]
    with served(*flags, cache=tmp_path_factory.mktemp("home"), folder=space_folder) as address:
        yield address
