"""Images of more than 8 bits: one range for a data set, kept with the model, and doubts about pixels."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL_IMAGES, picture, png, pretrain, run
from PIL import Image

from hf_ssl.common.errors import UserError
from hf_ssl.common.run_folder import RunFolder
from hf_ssl.hub.access import open_repository
from hf_ssl.hub.arguments import HubPlace
from hf_ssl.hub.download import load_published
from hf_ssl.hub.publish import Publication, publish
from hf_ssl.modalities.images.decoding import decode_image
from hf_ssl.modalities.images.modality import Images
from hf_ssl.pretext.pairing import pair_recorded
from hf_ssl.runs.results import read_results

FEW = [*SMALL_IMAGES, "--max_steps=2", "--architecture=convolution"]


def deep(number: int, highest: int) -> Image.Image:
    """A made-up X-ray: values from 0 to ``highest`` in 16 bits."""
    grey = np.asarray(picture(number % 3, np.random.default_rng(number)).convert("L"), np.float64)
    return Image.fromarray((grey / 255 * highest).astype(np.uint16))


def folder_of(path: Path, images: list[Image.Image], kind: str = "png") -> Path:
    path.mkdir()
    for number, image in enumerate(images):
        (path / f"{number}.{kind}").write_bytes(png(image, "tiff" if kind == "tif" else kind))
    return path


def trained(path: Path, out: Path, *flags: str) -> Path:
    pretrain(*FEW, "--task=rotation", "--dataset_name", path, "--output_dir", out, *flags, script="pretrain.py")
    return out


@pytest.mark.parametrize("highest", [255, 4095, 60000])
def test_the_survey_finds_the_range_and_keeps_it(tmp_path, highest, capsys):
    images = [deep(number, highest) for number in range(24)]
    out = trained(folder_of(tmp_path / "data", images), tmp_path / "run")
    data = read_results(RunFolder.existing(out)).data
    brightest = max(np.asarray(image).max() for image in images)
    assert data.reading["highest_pixel"] == pytest.approx(brightest, rel=0.3)
    low, high = data.reading["lowest_pixel"], data.reading["highest_pixel"]
    said = capsys.readouterr().out
    assert f"warning: pixels have more than 8 bits: values from {low:g} to {high:g} become 0 to 255" in said
    prepared = pair_recorded(RunFolder.existing(out).config).modality.load_prepared(out / "processor")
    assert prepared.modality.scale == (low, high)
    assert json.loads((out / "model" / "preprocessor_config.json").read_text())["pixel_range"] == [low, high]
    card = (out / "README.md").read_text()
    assert f"`{high}`" in card
    seen = decode_image(png(images[0]), 16, (low, high))
    assert seen.std() > 20  # not black, and not 13 levels of grey
    assert len(np.unique(seen)) > 30


def test_a_published_model_reads_as_its_run_did_and_a_resumed_run_too(tmp_path, hub, api):
    out = trained(folder_of(tmp_path / "data", [deep(number, 4095) for number in range(24)]), tmp_path / "run")
    scale = pair_recorded(RunFolder.existing(out).config).modality.load_prepared(out / "processor").modality.scale
    place = HubPlace(hub_model_id="alice/deep")
    results = read_results(RunFolder.existing(out))
    publish(Publication(RunFolder.existing(out), results, open_repository(api, place, out, results.run)))
    assert load_published("alice/deep", api=api).modality.scale == scale
    for name in ("results.json", "README.md"):
        (out / name).unlink()
    pretrain(*FEW, "--task=rotation", "--dataset_name", tmp_path / "data", "--output_dir", out, script="pretrain.py")
    assert read_results(RunFolder.existing(out)).data.reading == results.data.reading


@pytest.mark.parametrize("dead", [1, 3])
def test_a_few_dead_pixels_do_not_make_the_others_black(tmp_path, dead):
    images = []
    for number in range(24):
        pixels = np.asarray(deep(number, 1000)).copy()
        pixels.ravel()[number : number + dead] = 65535
        images.append(Image.fromarray(pixels))
    out = trained(folder_of(tmp_path / "data", images), tmp_path / "run")
    data = read_results(RunFolder.existing(out)).data
    assert 300 < data.reading["highest_pixel"] < 1001
    assert decode_image(png(images[0]), 16, (0, data.reading["highest_pixel"])).std() > 20


def test_given_ends_are_used(tmp_path):
    images = [deep(number, 4095) for number in range(24)]
    out = trained(folder_of(tmp_path / "data", images), tmp_path / "run", "--lowest_pixel=100", "--highest_pixel=2000")
    data = read_results(RunFolder.existing(out)).data
    assert (data.reading["lowest_pixel"], data.reading["highest_pixel"]) == (100, 2000)
    assert any("lie at the top of that range or above it" in warning for warning in data.warnings)


@pytest.mark.parametrize("value", [0, 7, 60000])
def test_images_without_spread_stop_the_run(tmp_path, value):
    flat = [Image.fromarray(np.full((20, 20), value, np.uint16)) for _ in range(24)]
    with pytest.raises(UserError, match=f"no spread: all of their pixels are {value}"):
        trained(folder_of(tmp_path / "data", flat), tmp_path / "run")
    assert not (tmp_path / "run" / "model").exists()


@pytest.mark.parametrize("case", ["black", "each of one colour", "all the same", "nearly black"])
def test_nothing_to_learn_from(case):
    noise = np.random.default_rng(0).integers(0, 2, (8, 16, 16, 3), dtype=np.uint8)
    images = {
        "black": np.zeros_like(noise),
        "each of one colour": np.zeros_like(noise) + np.arange(0, 240, 30, dtype=np.uint8)[:, None, None, None],
        "all the same": np.repeat(noise[:1] * 255, 8, 0),
        "nearly black": noise,
    }[case]
    with pytest.raises(UserError, match="nothing can be learned from them"):
        Images(image_column="image").warnings_about(list(images))


def test_doubts_about_some_images():
    images = [np.asarray(picture(number % 3, np.random.default_rng(number), 16)) for number in range(9)]
    assert Images(image_column="image").warnings_about(images) == []
    flat = np.full_like(images[0], 80)
    assert Images(image_column="image").warnings_about([*images, flat]) == ["10% of the images are of one colour"]


def smooth(seed: int) -> Image.Image:
    """Without details, whose resizing rounds differently from library to library."""
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((48, 32), Image.Resampling.BICUBIC)


def smooth_and_deep(seed: int) -> np.ndarray:
    return (np.asarray(smooth(seed).convert("L"), np.float64) * 12).astype(np.uint16)


def eight_bit_files() -> dict[str, bytes]:
    """Files that image libraries read differently from one another."""
    image = smooth(3)
    exif = Image.Exif()
    exif[0x0112] = 6
    clear = image.convert("RGBA")
    clear.putalpha(
        Image.fromarray(np.linspace(0, 255, image.width * image.height).reshape(image.size[::-1]).astype(np.uint8))
    )
    return {
        "turned": png(image, "jpeg", exif=exif, quality=95),
        "transparent": png(clear),
        "palette": png(image.convert("P", palette=Image.Palette.ADAPTIVE)),
        "transparent palette": png(clear.convert("P"), transparency=3),
        "cmyk": png(image.convert("CMYK"), "jpeg", quality=95),
        "grey": png(image.convert("L")),
        "grey and clear": png(clear.convert("LA")),
        "one bit": png(image.convert("1")),
    }


def deep_files() -> dict[str, bytes]:
    one, two, three = (smooth_and_deep(seed) for seed in range(3))
    floats = Image.fromarray(one.astype(np.float32))
    return {
        "16 bits": png(Image.fromarray(two)),
        "float TIFF": png(floats, "tiff"),
        "16-bit TIFF": png(Image.fromarray(three), "tiff"),
    }


@pytest.mark.parametrize("bits", [8, 16])
def test_the_code_on_the_card_sees_what_the_reader_saw(tmp_path, bits, monkeypatch):
    images = [deep(n, 4095) if bits == 16 else picture(n % 3, np.random.default_rng(n)) for n in range(24)]
    out = trained(folder_of(tmp_path / "data", images), tmp_path / "run")
    block = re.search(
        r"^import numpy as np\nfrom PIL.*?^inputs = [^\n]*\n|^from PIL import.*?^inputs = [^\n]*\n",
        (out / "README.md").read_text(),
        re.S | re.M,
    )
    code = block.group().replace("{{", "").replace('Image.new("RGB", (64, 48), "orange")', "given")
    assert "given" in code
    prepared = pair_recorded(RunFolder.existing(out).config).modality.load_prepared(out / "processor")
    monkeypatch.chdir(out)
    for name, file in (eight_bit_files() | (deep_files() if bits == 16 else {})).items():
        names = {"given": Image.open(io.BytesIO(file))}
        exec(code, names)
        ours = prepared.modality.as_pixels([decode_image(file, 16, prepared.modality.scale)], prepared)
        difference = float((names["inputs"]["pixel_values"] - ours).abs().mean())
        assert difference < 0.08, (name, difference)  # JPEG is decoded at a smaller size
    names = {"given": Image.open(io.BytesIO(eight_bit_files()["turned"]))}
    exec(code.replace("ImageOps.exif_transpose(image)", "image"), names)
    ours = prepared.modality.as_pixels([decode_image(eight_bit_files()["turned"], 16)], prepared)
    assert (names["inputs"]["pixel_values"] - ours).abs().mean() > 0.3


@pytest.mark.slow
def test_heic_needs_a_package_that_the_sentence_names(tmp_path, cache):
    folder = folder_of(tmp_path / "data", [picture(n % 3, np.random.default_rng(n)) for n in range(30)], "jpeg")
    for number in range(30):
        (folder / f"{number}.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    done = run(
        *FEW,
        "--dataset_name",
        folder,
        "--task=rotation",
        "--output_dir",
        tmp_path / "run",
        cache=cache,
        script="pretrain.py",
    )
    assert done.returncode == 1
    assert "30 of 60 files of" in done.stderr
    assert ".heic needs the package pillow-heif (pip install pillow-heif)" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    done = run(
        *FEW, "--dataset_name", folder, "--task=rotation", "--max_skipped=0.5", "--output_dir", tmp_path / "run",
        cache=cache, script="pretrain.py",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "30 of 60 files are read; not read: " in done.stdout
    files = json.loads((tmp_path / "run" / "results.json").read_text())["data"]["files"]
    assert (files["read"], files["not_read"], len(files["named"])) == (30, 30, 20)
