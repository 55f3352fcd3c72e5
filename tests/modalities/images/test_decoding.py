"""Image files of every kind: pixels, or a reason."""

from __future__ import annotations

import contextlib
import io
import re
import struct
import zlib

import numpy as np
import pytest
from conftest import image_batch, png
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features

from hf_ssl.data.image_endings import decodes_heif
from hf_ssl.modalities.images.decoding import MOST_PIXELS, BadImageError, decode_image

RED = np.zeros((12, 8, 3), np.uint8) + np.array([200, 20, 20], np.uint8)


def bomb() -> bytes:
    """A PNG of a few hundred bytes whose header promises a billion pixels."""
    data = bytearray(png(Image.new("L", (8, 8))))
    size = (40_000).to_bytes(4, "big")
    data[16:24] = size + size
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    return bytes(data)


def animation() -> bytes:
    file = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(file, "gif", save_all=True, append_images=frames[1:])
    return file.getvalue()


def turned() -> bytes:
    """A picture that is red on the left, stored lying on its side."""
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:, :4] = [255, 0, 0]
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    return png(Image.fromarray(pixels).rotate(90, expand=True), "jpeg", exif=exif, quality=100)


GOOD = {
    "rgb": png(Image.fromarray(RED)),
    "cmyk": png(Image.fromarray(RED).convert("CMYK"), "jpeg", quality=100),
    "palette": png(Image.fromarray(RED).convert("P", palette=Image.Palette.ADAPTIVE)),
    "webp": png(Image.fromarray(RED), "webp", lossless=True),
    "tiff": png(Image.fromarray(RED), "tiff"),
    "alpha": png(Image.fromarray(np.dstack([RED, np.full((12, 8), 255, np.uint8)]))),
}
for kind, feature in {"avif": "avif", "jpeg2000": "jpg_2000"}.items():
    if features.check(feature):  # depends on how Pillow was built
        GOOD[kind] = png(Image.fromarray(RED), kind)


def tiff_of_bands(bands: int) -> bytes:
    """A TIFF of 2x2 pixels of many bands, as satellites send them."""
    tags = [
        (256, 2),
        (257, 2),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 8),
        (277, bands),
        (278, 2),
        (279, 4 * bands),
        (284, 1),
    ]
    content = bytes(range(4 * bands))
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<I", 8 + len(content)) + content + directory + struct.pack("<I", 0)


HEIC = (
    "truncated or damaged" if decodes_heif() else "HEIC, which needs the package pillow-heif (pip install pillow-heif)"
)
BAD = {
    "13 bands": (
        tiff_of_bands(13),
        "a TIFF of 13 channel(s) of 8 bits, which Pillow does not decode; save one or three channels",
    ),
    "pdf": (b"%PDF-1.4", "a PDF; render its pages to PNG"),
    "heic": (b"\0\0\0\x18ftypheic" + bytes(100), HEIC),
    "jpeg xl": (b"\xff\x0a" + bytes(50), "JPEG XL; convert it to PNG"),
    "numpy": (b"\x93NUMPY\1\0", "a NumPy array; save it as PNG or as a column of arrays"),
    "gzip": (b"\x1f\x8b\x08" + bytes(20), "compressed with gzip; unpack it"),
    "empty": (b"", "empty"),
    "text": (b"this is no picture", "not an image"),
    "html": (b"<html><body>404</body></html>", "not an image"),
    "truncated png": (png(Image.effect_noise((64, 64), 90))[:900], "truncated or damaged"),
    "truncated jpeg": (png(Image.effect_noise((64, 64), 90), "jpeg")[:900], "truncated or damaged"),
    "header only": (b"\x89PNG\r\n\x1a\n", "not an image"),
    "bomb": (bomb(), f"more than {MOST_PIXELS // 10**6} million pixels"),
    "1x1": (png(Image.new("RGB", (1, 1))), "a single pixel wide or high"),
    "1x50": (png(Image.new("RGB", (1, 50))), "a single pixel wide or high"),
    "postscript": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n",
        "PostScript, which is a program and is not run; render it to PNG",
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_colour_survives_every_kind(name):
    pixels = decode_image(GOOD[name], 16)
    assert pixels.shape == (16, 16, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.reshape(-1, 3).mean(0) - [200, 20, 20]).max() < 12


@pytest.mark.parametrize("name", BAD)
def test_what_gives_no_picture_has_a_reason(name):
    data, reason = BAD[name]
    with pytest.raises(BadImageError, match=re.escape(reason)):
        decode_image(data, 16)


@pytest.mark.parametrize("highest", [255, 4095, 65535])
def test_sixteen_bits_become_eight_by_their_range(highest):
    ramp = np.linspace(0, highest, 64).astype(np.uint16).reshape(8, 8)
    file = png(Image.fromarray(ramp))
    assert np.abs(decode_image(file, 8, (0, highest))[..., 0] - ramp * (255 / highest)).max() <= 1
    with pytest.raises(BadImageError, match="more than 8 bits, unlike the first rows.*--lowest_pixel"):
        decode_image(file, 8)


def test_fractions_become_eight_bits_and_what_is_no_number_becomes_black():
    floats = np.linspace(-1, 3, 64, dtype=np.float32).reshape(8, 8)
    floats[0, 0] = np.nan
    pixels = decode_image(png(Image.fromarray(floats), "tiff"), 8, (-1, 1))
    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert (pixels[4:] == 255).all()  # above the range


def test_a_fourth_channel_of_unknown_meaning():
    infrared = np.random.default_rng(0).integers(0, 256, (8, 8, 4), dtype=np.uint8)
    file = png(Image.fromarray(infrared), "tiff")
    assert decode_image(file, 8).shape == (8, 8, 3)  # Pillow says that the fourth is transparency
    unknown = bytearray(file)
    tag = unknown.index((338).to_bytes(2, "little") + (3).to_bytes(2, "little"))
    unknown[tag : tag + 2] = (65000).to_bytes(2, "little")  # a tag that nobody reads
    unspecified = bytearray(file)
    unspecified[tag + 8] = 0
    for each in (unknown, unspecified):
        with pytest.raises(BadImageError, match="a TIFF of 4 channels that does not say what the last is"):
            decode_image(bytes(each), 8)


def deep_colours(highest: int, kind: str = "png") -> bytes:
    """A ramp of 16 bits a colour, which Pillow cannot write."""
    ramp = np.linspace(0, highest, 16 * 16 * 3).reshape(16, 16, 3)
    if kind == "tiff":
        tags = [(256, 16), (257, 16), (258, 16), (259, 1), (262, 2), (273, 8), (277, 3), (278, 16), (279, 1536)]
        content = ramp.astype("<u2").tobytes()
        directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, n) for tag, n in tags)
        return b"II*\0" + struct.pack("<I", 8 + len(content)) + content + directory + struct.pack("<I", 0)
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in ramp)
    parts = {b"IHDR": struct.pack(">IIBBBBB", 16, 16, 16, 2, 0, 0, 0), b"IDAT": zlib.compress(lines), b"IEND": b""}
    chunks = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts.items()
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_colours_of_sixteen_bits_do_not_turn_black(kind):
    assert decode_image(deep_colours(65535, kind), 16).max() > 250
    with pytest.raises(BadImageError, match="16-bit colours with small values, of which Pillow keeps the upper 8 bits"):
        decode_image(deep_colours(4095, kind), 16)


def test_what_is_transparent_is_white():
    clear = np.zeros((8, 8, 4), np.uint8)
    assert (decode_image(png(Image.fromarray(clear)), 8) == 255).all()
    grey_and_clear = Image.fromarray(clear[..., :2].copy(), "LA")
    assert (decode_image(png(grey_and_clear), 8) == 255).all()


def test_the_first_picture_of_an_animation_and_the_upright_one_of_a_camera():
    assert decode_image(animation(), 8).reshape(-1, 3).mean(0).round().tolist() == [255, 0, 0]
    upright = decode_image(turned(), 8)
    assert upright[:, :3, 0].mean() > 200
    assert upright[:, 5:, 0].mean() < 50


def test_the_middle_is_cut_out_as_image_processors_do():
    _, prepared, _ = image_batch("rotation", image_size=16)
    generator = np.random.default_rng(0)
    smooth = Image.fromarray(generator.integers(0, 256, (6, 9, 3), dtype=np.uint8)).resize((90, 60))
    ours = prepared.modality.as_pixels([decode_image(png(smooth), 16)], prepared)
    theirs = prepared.processor(smooth, return_tensors="pt")["pixel_values"]
    assert (ours - theirs).abs().mean() < 0.05


@settings(max_examples=200, deadline=None)
@given(data=st.data(), kind=st.sampled_from(sorted(GOOD)))
def test_damage_gives_pixels_or_a_reason(data, kind):
    content = bytearray(GOOD[kind])
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    with contextlib.suppress(BadImageError):  # anything else would come through
        assert decode_image(bytes(content), 8).shape == (8, 8, 3)
