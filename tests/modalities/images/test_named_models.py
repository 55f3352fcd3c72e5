"""Image models that people name: sizes, convolutional ones, grey ones."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext

import numpy as np
import pytest
import torch
import transformers
from conftest import pretrain, write_images
from tiny_models import tiny_config

from hf_ssl.common.errors import UserError
from hf_ssl.modalities.images.embedding import embed_images
from hf_ssl.modalities.images.encoders import encoder_model
from hf_ssl.modalities.images.modality import Images

FLAGS = ["--batch_size=8", "--max_steps=2", "--mixed_precision=no"]


def saved(folder, name: str, kind: str, **options):
    config = tiny_config(name)
    config.update(options)
    getattr(transformers, kind)(config).save_pretrained(folder)
    return folder


def flags_of(named, images, folder) -> list:
    return [*FLAGS, "--model_name_or_path", named, "--dataset_name", images, "--output_dir", folder / "run"]


@pytest.mark.parametrize(
    ("name", "kind", "objective"),
    [
        ("vit_mae", "ViTMAEForPreTraining", "mae"),
        ("swin", "SwinForMaskedImageModeling", "simmim"),
        ("vit", "ViTForMaskedImageModeling", "simmim"),
    ],
)
def test_another_size_than_that_of_the_checkpoint_is_one_sentence(name, kind, objective, tmp_path, images):
    sizes = {"image_size": 64, "patch_size": 8}
    named = saved(
        tmp_path / "model",
        name,
        kind,
        **sizes,
        **({"encoder_stride": 16 if name == "swin" else 8} if objective == "simmim" else {}),
    )
    flags = [*flags_of(named, images, tmp_path), f"--objective={objective}"]
    with pytest.raises(UserError, match="is made for images of 64 pixels; pass --image_size 64 --patch_size 8"):
        pretrain(*flags, script="pretrain_mim.py")
    with pytest.raises(UserError, match="has patches of 8 pixels; pass --patch_size 8"):
        pretrain(*flags, "--image_size=64", script="pretrain_mim.py")
    pretrain(*flags, "--image_size=64", "--patch_size=8", script="pretrain_mim.py")
    assert (tmp_path / "run" / "results.json").exists()


@pytest.mark.parametrize(
    ("name", "kind"), [("resnet", "ResNetModel"), ("convnext", "ConvNextModel"), ("vit", "ViTModel")]
)
@pytest.mark.parametrize("channels", [3, 1])
def test_contrast_with_any_encoder(name, kind, channels, tmp_path, images, monkeypatch):
    patch = {} if name != "convnext" else {"patch_size": 4}
    named = saved(tmp_path / "model", name, kind, num_channels=channels, **patch)
    size = 32 if name == "vit" else 64
    flags = [
        *FLAGS,
        "--model_name_or_path",
        named,
        "--dataset_name",
        images,
        f"--image_size={size}",
        "--task=contrastive",
    ]
    pretrain(*flags, "--output_dir", tmp_path / "run", script="pretrain.py")
    again = getattr(transformers, kind).from_pretrained(tmp_path / "run" / "model").eval()
    assert again.config.num_channels == 3
    block = re.search(r"```python\n(.*?)```", (tmp_path / "run" / "README.md").read_text(), re.S).group(1)
    monkeypatch.chdir(tmp_path / "run")
    names: dict = {}
    exec(block, names)
    ours = embed_images(again, [np.asarray(names["image"].resize((size, size)))], lambda pixels: pixels, nullcontext)
    assert names["features"].shape == (1, ours["last layer"].shape[1])


@pytest.mark.parametrize("task", ["masked_codes", "rotation"])
def test_other_tasks_with_a_network_of_batch_statistics(task, tmp_path, images):
    named = saved(tmp_path / "model", "resnet", "ResNetModel")
    flags = [*FLAGS, "--model_name_or_path", named, "--dataset_name", images, "--image_size=32", f"--task={task}"]
    pretrain(*flags, "--output_dir", tmp_path / "run", script="pretrain.py")
    assert (tmp_path / "run" / "results.json").exists()


def test_a_classifier_of_a_named_network(tmp_path):
    data = write_images(tmp_path / "data", count=120)
    named = saved(tmp_path / "model", "resnet", "ResNetModel")
    flags = [*FLAGS, "--dataset_name", data, "--image_size=32", "--task=contrastive"]
    pretrain(*flags, "--model_name_or_path", named, "--output_dir", tmp_path / "run", script="pretrain.py")
    flags = ["--model_name_or_path", tmp_path / "run", "--dataset_name", data, "--max_steps=2"]
    pretrain(*flags, "--output_dir", tmp_path / "fine", script="fine_tune.py")
    assert (
        json.loads((tmp_path / "fine" / "results.json").read_text())["model"]["name"] == "ResNetForImageClassification"
    )


def test_a_grey_model_sees_grey_images_as_before(tmp_path):
    named = saved(tmp_path / "model", "vit", "ViTModel", num_channels=1)
    grey = transformers.ViTModel.from_pretrained(named).eval()
    coloured = encoder_model(Images(model_name_or_path=str(named), image_size=32, patch_size=8), {}, 0).eval()
    image = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        expected = grey(pixel_values=image).last_hidden_state
        assert torch.allclose(coloured(pixel_values=image.expand(-1, 3, -1, -1)).last_hidden_state, expected, atol=1e-5)


def test_channels_that_are_no_colours(tmp_path):
    named = saved(tmp_path / "model", "vit", "ViTModel", num_channels=13)
    with pytest.raises(UserError, match="takes images of 13 channels, and images here have three"):
        encoder_model(Images(model_name_or_path=str(named), image_size=32, patch_size=8), {}, 0)


def test_patches_of_a_grey_checkpoint(tmp_path, images):
    named = saved(tmp_path / "model", "vit_mae", "ViTMAEForPreTraining", num_channels=1)
    flags = [*flags_of(named, images, tmp_path), "--patch_size=8"]
    with pytest.raises(UserError, match="paints images of 1 channels, and images here have three"):
        pretrain(*flags, script="pretrain_mim.py")


def test_a_share_that_hides_all(tmp_path, images):
    with pytest.raises(SystemExit):
        pretrain(
            *FLAGS,
            "--mask_ratio=None",
            "--dataset_name",
            images,
            "--output_dir",
            tmp_path / "run",
            script="pretrain_mim.py",
        )
    flags = [*FLAGS, "--image_size=16", "--patch_size=16", "--dataset_name", images, "--output_dir", tmp_path / "run"]
    with pytest.raises(
        UserError, match=r"--mask_ratio 0.75 \(the default\) hides 1 of 1 patches; pass a smaller --patch_size"
    ):
        pretrain(*flags, script="pretrain_mim.py")
