"""What a file holds, by the endings of its name, and why other files are not read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from hf_ssl.common.errors import UserError
from hf_ssl.data.image_endings import image_endings, undecodable

TEXT_COLUMN = "text"  # of rows whose files name no columns
TEXT_NAMES = frozenset({TEXT_COLUMN, "content", "sentence", "document"})  # columns of text, even if they hold numbers
PLAIN_TEXT, IMAGE_FILES = "plain_text", "image_files"  # kinds of files
KINDS = {
    ".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow",
    ".jsonl": "json", ".json": "json", ".ndjson": "json", ".csv": "csv", ".tsv": "csv",
    ".txt": PLAIN_TEXT, ".text": PLAIN_TEXT, ".md": PLAIN_TEXT, ".markdown": PLAIN_TEXT, ".tar": "tar", ".tgz": "tar",
}  # fmt: skip
TITLES = {
    "parquet": "Parquet", "arrow": "Arrow", "json": "JSON", "csv": "CSV", "tar": "tar archives",
    PLAIN_TEXT: "plain text", IMAGE_FILES: "image files",
}  # fmt: skip
COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")
ZIP = ".zip"
REMEDIES = {
    (".xlsx", ".xls", ".ods"): "a spreadsheet; save it as CSV",
    (".pdf",): "PDF; extract the text, for example with pdftotext",
    (".docx", ".doc", ".odt", ".rtf", ".epub"): "a word processor's format; convert it, for example with pandoc -t plain",
    (".html", ".htm", ".xml"): "markup; extract the text into .txt or .jsonl files",
    (".pkl", ".pickle", ".pt", ".pth", ".joblib"): "pickled, which can run code and is never loaded; save it as Parquet",
    (".npy", ".npz", ".h5", ".hdf5", ".mat", ".nc", ".zarr"): "arrays; save them as Parquet or as image files",
    (".tfrecord", ".tfrecords", ".record", ".lmdb", ".mdb", ".msgpack"): "records of another library; save as Parquet",
    (".db", ".sqlite", ".sqlite3", ".sql", ".avro", ".orc"): "a database; export the table as Parquet or CSV",
    (".zip",): "an archive within an archive; unpack it",
    (".rar", ".7z"): "an archive of a kind that is not read; unpack it",
    (".mp4", ".avi", ".mov", ".mkv", ".webm"): "video; extract frames, for example with ffmpeg -i FILE frame_%05d.png",
    (".wav", ".mp3", ".flac", ".ogg", ".m4a", ".opus"): "sound, which no modality reads",
    (".dcm", ".dicom", ".nii", ".svs", ".ndpi"): "a medical image; save it as 16-bit PNG, for example with pydicom and Pillow",
}  # fmt: skip
# Files that describe a data set, or that systems leave behind.
DESCRIBING = (
    "readme", "license", "licence", "copying", "citation", "notice", "dataset_infos.json", "dataset_info.json",
    "dataset_dict.json", "state.json", "croissant.json", "_success", "_metadata", "_common_metadata", "thumbs.db",
    "desktop.ini",
)  # fmt: skip
DESCRIBING_ENDINGS = (".py", ".ipynb", ".yaml", ".yml", ".toml", ".crc", ".md5", ".sha256", ".lock", ".sh")


def endings(name: str) -> list[str]:
    """Return the endings of a file name in lower case, the last first, without that of a compression."""
    found = [ending.lower() for ending in reversed(PurePosixPath(name).suffixes)]
    return found[1:] if found and found[0] in COMPRESSIONS else found


def kind_of(name: str) -> str | None:
    """Return what a file in a folder holds: a key of `TITLES`; None if its last ending is unknown."""
    ending = next(iter(endings(name)), "")
    return IMAGE_FILES if ending in image_endings() else KINDS.get(ending)


def kind_of_one(name: str) -> str:
    """Return what a file that the user named holds: the last known ending decides.

    Raises:
        UserError: if no ending is known.
    """
    known = (KINDS.get(ending) or (IMAGE_FILES if ending in image_endings() else None) for ending in endings(name))
    kind = next((kind for kind in known if kind), None)
    if kind is None:
        raise UserError(
            f"cannot tell the format of {name}: {reason(name)}. It must end in one of {', '.join(KINDS)}, {ZIP} or an image "
            f"format, or in one of these with {' or '.join(COMPRESSIONS)}"
        )
    return kind


def reason(name: str) -> str:
    """Return why a file of no known kind is not read."""
    found = endings(name)
    if not found:
        return "no ending"
    ending = found[0]
    remedy = next((f"{ending} is {text}" for known, text in REMEDIES.items() if ending in known), None)
    return undecodable(ending) or remedy or f"unknown ending {ending}"


def describes(name: str) -> bool:
    """Return whether a file only describes the data, is hidden, or was left behind by a system."""
    parts = PurePosixPath(name).parts
    if any(part.startswith(".") or part in ("__MACOSX", "__pycache__") for part in parts):
        return True
    last = parts[-1].lower()
    return last.split(".")[0] in DESCRIBING or last in DESCRIBING or last.endswith(DESCRIBING_ENDINGS)


def main_kind(names: Sequence[str]) -> str | None:
    """Return the kind that most files hold; images win a tie, as captions or annotations may lie beside them."""
    kinds = [kind for name in names if (kind := kind_of(name))]
    return max(TITLES, key=lambda kind: (kinds.count(kind), kind == IMAGE_FILES)) if kinds else None
