"""Runs on images through the real scripts: what comes out, what is skipped, what is refused."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml
from conftest import ROOT, SMALL_IMAGES, picture, png, pretrain, write_images
from huggingface_hub import ModelCard
from modalities.images.test_decoding import BAD, GOOD
from transformers import AutoImageProcessor, ViTMAEForPreTraining, ViTMAEModel

from hf_ssl.common.errors import UserError
from hf_ssl.common.run_folder import RunFolder
from hf_ssl.runs.card import write_card
from hf_ssl.runs.results import read_results


def refused(folder: Path, *arguments, match: str, script: str = "pretrain.py") -> None:
    with pytest.raises(UserError, match=match) as caught:
        pretrain(*SMALL_IMAGES, *arguments, "--output_dir", folder, script=script)
    assert "\n" not in str(caught.value)
    assert not folder.exists()


@pytest.fixture(scope="module")
def with_bad_rows(tmp_path_factory) -> Path:
    extra = [data for data, _ in BAD.values()] + list(GOOD.values())
    return write_images(tmp_path_factory.mktemp("bad") / "mixed", count=400, extra=extra)


@pytest.fixture(scope="module")
def finished(with_bad_rows, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "mae"
    flags = ["--dataset_name", with_bad_rows, "--max_steps=20", "--output_dir", folder]
    pretrain(*SMALL_IMAGES, *flags, script="pretrain_mim.py")
    return folder


def test_the_model_is_stock_and_whole(finished):
    _, information = ViTMAEForPreTraining.from_pretrained(finished / "model", output_loading_info=True)
    assert not information["missing_keys"]
    assert not information["unexpected_keys"]
    _, information = ViTMAEModel.from_pretrained(finished / "model", output_loading_info=True)
    assert not information["missing_keys"]
    processor = AutoImageProcessor.from_pretrained(finished / "model")
    assert processor(picture(0, np.random.default_rng(0)), return_tensors="pt")["pixel_values"].shape == (1, 3, 16, 16)


def test_every_unusable_row_is_counted_with_its_reason(finished, with_bad_rows):
    data = json.loads((finished / "results.json").read_text())["data"]
    reasons: dict[str, int] = {}
    for _, reason in BAD.values():
        reasons[reason] = reasons.get(reason, 0) + 1
    assert data["skipped"] == reasons
    assert data["skipped_rows"] == len(BAD)
    assert {where for where, _ in data["skipped_examples"]} == {f"extra_{number}" for number in range(len(BAD))}
    assert f"| rows skipped | {len(BAD)}: " in (finished / "README.md").read_text()


def test_features_are_beside_baselines_and_pictures_are_drawn(finished):
    results = json.loads((finished / "results.json").read_text())
    assert list(results["features"]) == ["pretrained", "untrained", "pixels", "pca_whitened", "patch_kmeans"]
    assert results["cost"]["images"] == 20 * 16
    log = [json.loads(line) for line in (finished / "log.jsonl").read_text().splitlines()]
    measured = [line for line in log if "knn_accuracy" in line]
    assert [line["step"] for line in measured] == [6, 12, 18]
    assert all({"feature_std", "effective_rank", "heldout_loss"} <= set(line) for line in measured)
    for name in ("loss.png", "knn.png", "reconstructions.png"):
        assert (finished / "plots" / name).read_bytes().startswith(b"\x89PNG")
        assert f"(plots/{name})" in (finished / "README.md").read_text()


def test_the_card_says_when_features_are_worse_than_untrained(finished, tmp_path):
    whole = read_results(RunFolder.existing(finished))
    shown = ("knn_accuracy", "linear_accuracy", "kmeans_nmi", "kmeans_ari", "kmeans_accuracy")
    folder = RunFolder(tmp_path, yaml.safe_load((finished / "config.yaml").read_text()))
    for better in (-1, 1):
        moved = {
            name: {"mean": whole.features["untrained"][name]["mean"] + 0.01 * better, "low": 0.0, "high": 1.0}
            for name in shown
        }
        pretrained = whole.features["pretrained"] | moved
        write_card(folder, replace(whole, features=whole.features | {"pretrained": pretrained}))
        sentence = "worse than those of the same network without any training"
        assert (sentence in (tmp_path / "README.md").read_text()) == (better < 0)
    data = ModelCard.load(tmp_path / "README.md").data
    assert data.pipeline_tag == "image-feature-extraction"
    assert "masked-image-modeling" in data.tags


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags",
    [
        ["--task=masked_image"],
        ["--task=contrastive"],
        pytest.param(["--task=masked_image", "--objective=simmim"], marks=pytest.mark.endurance),
        pytest.param(["--task=contrastive", "--architecture=vit"], marks=pytest.mark.endurance),
        pytest.param(["--task=rotation"], marks=pytest.mark.endurance),
    ],
    ids=lambda flags: "-".join(flag.split("=")[1] for flag in flags),
)
def test_the_loading_block_of_the_card_runs_without_our_package(flags, images, tmp_path):
    folder = tmp_path / "run"
    pretrain(*SMALL_IMAGES, *flags, "--dataset_name", images, "--output_dir", folder, script="pretrain.py")
    block = re.search(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.S).group(1)
    (tmp_path / "block.py").write_text("import sys; sys.modules['hf_ssl'] = None\n" + block)
    shutil.copytree(folder / "model", tmp_path / "model")
    result = subprocess.run([sys.executable, "block.py"], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("torch.Size([1, ")
    assert "MISSING" not in result.stderr + result.stdout


def test_too_many_unusable_rows_stop_before_training(tmp_path):
    bad = write_images(tmp_path / "bad", count=60, extra=[b"?"] * 40)
    refused(tmp_path / "run", "--task=rotation", "--dataset_name", bad, match="40 of 100 rows are unusable")
    flags = ["--dataset_name", bad, "--max_skipped=0.5", "--output_dir", tmp_path / "allowed"]
    pretrain(*SMALL_IMAGES, "--task=rotation", *flags, "--max_steps=2", script="pretrain.py")
    refused(tmp_path / "strict", "--task=rotation", "--dataset_name", bad, "--bad_rows=error", match="not an image")


def test_what_cannot_be_trained_on_is_refused(tmp_path, parquet):
    few = write_images(tmp_path / "few", count=12, files=1)
    refused(tmp_path / "a", "--task=rotation", "--dataset_name", few, match="fewer than --batch_size 16")
    refused(tmp_path / "b", "--task=rotation", "--dataset_name", parquet, match="has no column of images but text")
    refused(tmp_path / "c", "--task=contrastive", "--dataset_name", few, "--gradient_accumulation_steps=2",
            match="compares all samples")  # fmt: skip
    refused(tmp_path / "d", "--task=jigsaw", match="there is no task 'jigsaw'; choose one of autoencoder,")
    refused(tmp_path / "e", match="name a task with --task")
    refused(tmp_path / "f", "--task=rotation", match="this script runs masked_image", script="pretrain_mim.py")
    enough = write_images(tmp_path / "enough", count=40, files=1)
    refused(tmp_path / "g", "--task=rotation", "--dataset_name", enough, "--config_name", tmp_path, match="cannot make")


def test_one_class_is_not_measured_and_says_so(tmp_path):
    generator = np.random.default_rng(0)
    rows = [{"bytes": png(picture(0, generator)), "path": None} for _ in range(60)]
    pa.parquet.write_table(pa.table({"image": rows, "label": [3] * 60}), tmp_path / "one.parquet")
    flags = ["--dataset_name", tmp_path / "one.parquet", "--max_steps=2", "--output_dir", tmp_path / "run"]
    pretrain(*SMALL_IMAGES, "--task=vertical_flip", *flags, script="pretrain.py")
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["features"] is None
    assert "1 usable label" in results["features_note"]


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        (["--image_size=30"], "--image_size 30 is no multiple of --patch_size 4"),
        (["--mask_ratio=0"], "--mask_ratio must lie between 0 and 1"),
        (["--mask_ratio=1.2"], "--mask_ratio must lie between 0 and 1"),
        (["--objective=beit"], "invalid choice: 'beit'"),
        (["--max_skipped=2"], "--max_skipped must lie between 0 and 1"),
        (["--mask_rate=0.5"], "did you mean 'mask_ratio'"),
    ],
)
def test_flags(flags, match, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        pretrain(*flags, "--output_dir", tmp_path / "run", script="pretrain_mim.py")
    assert caught.value.code == 2
    assert match in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.endurance  # as text does, in every run of the tests
def test_two_processes_train_as_one(images, cache, tmp_path):
    """Views are compared across processes."""
    losses = {}
    common = ["--task=contrastive", *SMALL_IMAGES, "--max_steps=6", "--dataset_name", str(images)]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone"]
    for name, launcher in (("one", [sys.executable]), ("two", torchrun)):
        environment = os.environ | {"HF_HOME": str(cache), "OMP_NUM_THREADS": "1"}
        script = [str(ROOT / "scripts" / "pretrain.py"), *common, "--output_dir", str(tmp_path / name)]
        result = subprocess.run([*launcher, *script], env=environment, capture_output=True, text=True, timeout=280)
        assert result.returncode == 0, result.stderr
        lines = [json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
        losses[name] = [(line["samples"], line["loss"]) for line in lines]
    assert [samples for samples, _ in losses["one"]] == [samples for samples, _ in losses["two"]]
    difference = np.abs(np.subtract(*([loss for _, loss in losses[run]] for run in ("one", "two"))))
    assert difference[0] < 1e-5  # rounding grows with every step at this rate
    assert difference.max() < 5e-3
