"""Which column holds the texts, and doubts about their characters."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from conftest import SMALL, pretrain, refused, sentences

from hf_ssl.common.errors import UserError
from hf_ssl.common.run_folder import RunFolder
from hf_ssl.modalities.text.modality import Text
from hf_ssl.runs.results import read_results

LONG, SHORT = ["a long text about roses", "another one"], ["rose", "tide"]


@pytest.mark.parametrize(
    ("columns", "taken", "said"),
    [
        ({"text": SHORT, "body": LONG}, "text", False),
        ({"url": SHORT, "content": SHORT}, "content", True),
        ({"Text": SHORT}, "Text", False),
        ({"title": SHORT, "body": LONG}, "body", True),
        (
            {"title": ["a longer first title", ""], "body": ["", "a text that is much longer than the title"]},
            "body",
            True,
        ),
        ({"id": [1, 2], "text": [12, 13]}, "text", False),
    ],
)
def test_usual_names_and_then_the_longest_texts(columns, taken, said, capsys):
    assert Text().for_columns(pa.table(columns), "made up").columns == (taken,)
    assert (f"texts are read from column '{taken}'" in capsys.readouterr().out) == said


def test_a_named_column_of_numbers_is_read_as_text():
    table = pa.table({"number": [1, 2], "text": SHORT})
    modality = Text(text_column="number").for_columns(table, "made up")
    assert modality.as_read(table).column("number").to_pylist() == ["1", "2"]
    with pytest.raises(UserError, match="column 'parts' of 'made up' holds list<.*>, not text"):
        Text(text_column="parts").for_columns(pa.table({"parts": [[1], [2]]}), "made up")
    with pytest.raises(UserError, match="column 'number' of 'made up' holds the labels"):
        Text(text_column="number").for_columns(table, "made up", "number")


def doubts(texts: list[str]) -> list[str]:
    return Text(text_column="text").warnings_about(texts)


def test_no_doubts():
    assert doubts(sentences(50)[0]) == []
    assert doubts(["ein Gruß\tmit\nallem", "日本語のテキスト"]) == []


@pytest.mark.parametrize(
    ("texts", "match"),
    [
        (["aaaa", "aa a"], "hold one character alone \\('a'\\)"),
        (["the same"] * 3, "all texts in column 'text' are the same"),
        (["\ufffd" * 9 + "a text", "tide"], "are no UTF-8 and became U.FFFD; nothing can be learned.*--encoding"),
        (["\x01\x02\x03\x04 noise", "\x05"], "are control characters; nothing can be learned"),
    ],
)
def test_worthless_texts(texts, match):
    with pytest.raises(UserError, match=match):
        doubts(texts)


@pytest.mark.parametrize(
    ("texts", "doubt"),
    [
        (["caf\ufffd and a long rest of the text", "tide"], "1 of 36 characters in column 'text' are no UTF-8"),
        (["a \x07 bell in a long text", "tide"], "1 of 27 characters in column 'text' are control characters"),
        (["a", "b", "c", "text"], "75% of the texts in column 'text' have one character"),
        (["tide", "tide", "tide", "rose", "tide"], "60% of the texts in column 'text' repeat another one"),
    ],
)
def test_doubtful_texts(texts, doubt):
    (found,) = doubts(texts)
    assert found.startswith(doubt)


def test_replaced_characters_are_warned_about_and_on_the_card(tmp_path, capsys):
    texts = [f"{text} café" for text in sentences(120)[0]]
    (tmp_path / "data.txt").write_bytes("\n".join(texts).encode("latin-1"))
    pretrain(*SMALL, "--max_steps=2", "--dataset_name", tmp_path / "data.txt", "--output_dir", tmp_path / "run")
    (warning,) = read_results(RunFolder.existing(tmp_path / "run")).data.warnings
    assert "are no UTF-8 and became U+FFFD; name their encoding with --encoding" in warning
    assert f"warning: {warning}" in capsys.readouterr().out
    card = (tmp_path / "run" / "README.md").read_text()
    assert f"| warning | `{warning}` |" in card
    assert "| files | 1 read, 0 not read |" in card
    assert "| text_column | `text` |" in card
    named = ["--dataset_name", tmp_path / "data.txt", "--encoding=latin-1", "--output_dir", tmp_path / "named"]
    pretrain(*SMALL, "--max_steps=2", *named)
    assert read_results(RunFolder.existing(tmp_path / "named")).data.warnings == []


def test_noise_stops_the_run(tmp_path):
    (tmp_path / "data.txt").write_bytes("\n".join(["Привет, мир", "как дела"] * 40).encode("cp1251"))
    refused(
        tmp_path / "run", "--dataset_name", tmp_path / "data.txt", match="nothing can be learned from them: name their"
    )


@pytest.mark.parametrize(
    ("labels", "doubt"),
    [
        (["one"] * 120, "label column 'label' holds one value (one) in the first 120 rows"),
        ([None] * 120, "label column 'label' is empty in the first 120 rows"),
        (list(range(120)), "label column 'label' holds another value in each of the first 120 rows"),
    ],
)
def test_labels_that_measure_nothing(tmp_path, labels, doubt):
    rows = zip(sentences(120)[0], labels, strict=True)
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"text": text, "label": label}) for text, label in rows))
    pretrain(*SMALL, "--max_steps=2", "--dataset_name", tmp_path / "a.jsonl", "--output_dir", tmp_path / "run")
    results = read_results(RunFolder.existing(tmp_path / "run"))
    assert any(warning.startswith(doubt) for warning in results.data.warnings)
    assert results.features is None
