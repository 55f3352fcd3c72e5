"""What values of rows become: words stay words, characters are decoded, other columns cannot hurt."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from hf_ssl.common.errors import UserError
from hf_ssl.data.arguments import DataArguments
from hf_ssl.data.columns import first_table
from hf_ssl.data.label_columns import find_label_column
from hf_ssl.data.rows import unshuffled_blocks
from hf_ssl.data.sources import open_source
from hf_ssl.evaluation.labels import label_of
from hf_ssl.modalities.text.modality import Text


def read(path: Path, **flags) -> tuple[list[str], list]:
    """The texts and labels that a run reads."""
    data = DataArguments(dataset_name=str(path), **flags)
    source = open_source(data)
    table = first_table(source.train, "made up")
    label_column = find_label_column(table, data)
    modality = Text().for_columns(table, "made up", label_column)
    source = source.of_columns(modality.as_read(table), modality.columns, label_column)
    texts, labels = [], []
    for block in unshuffled_blocks(source.train):
        found = block.table.column(label_column).to_pylist() if label_column else [None] * block.table.num_rows
        for place, text in modality.reader().read(block)[0]:
            texts.append(text)
            labels.append(label_of(found[place]))
    return texts, labels


GREETING = "Grüße, señor: ☃\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("ending", ["txt", "csv", "jsonl"])
def test_unicode_by_its_mark(tmp_path, encoding, ending):
    text = GREETING.strip()
    content = {
        "txt": GREETING,
        "csv": f'text\n"{text}"\n',
        "jsonl": json.dumps({"text": text}, ensure_ascii=False) + "\n",
    }
    if "16-" in encoding and "ü" in content[ending][:2]:
        pytest.skip("without a mark, letters beyond ASCII at the start leave no zeros")
    (tmp_path / f"a.{ending}").write_bytes(content[ending].encode(encoding))
    assert read(tmp_path)[0] == [text]


def test_one_file_has_a_mark_and_another_has_none(tmp_path):
    (tmp_path / "a.txt").write_text("größer\n", encoding="utf-16")
    (tmp_path / "b.txt").write_text("kleiner ü\n", encoding="utf-8")
    assert read(tmp_path)[0] == ["größer", "kleiner ü"]


@pytest.mark.parametrize("ending", ["txt", "csv", "jsonl"])
def test_another_encoding_is_named_or_seen(tmp_path, ending):
    content = {"txt": "café\n", "csv": "text\ncafé\n", "jsonl": '{"text": "café"}\n'}[ending]
    (tmp_path / f"a.{ending}").write_bytes(content.encode("latin-1"))
    assert read(tmp_path, encoding="latin-1")[0] == ["café"]
    assert read(tmp_path)[0] == ["caf\ufffd"]  # which the survey warns about


def test_an_unknown_encoding():
    with pytest.raises(UserError, match="--encoding klingon is unknown"):
        DataArguments(encoding="klingon")


def test_words_of_csv_stay_words(tmp_path):
    rows = ["NA,None", "EU,NaN", "NA,null", "EU,text", 'EU,"two\nlines, and ""quotes"""', ",unlabelled"]
    (tmp_path / "a.csv").write_text("label,text\n" + "\n".join(rows) + "\n")
    texts, labels = read(tmp_path)
    assert texts == ["None", "NaN", "null", "text", 'two\nlines, and "quotes"', "unlabelled"]
    assert labels == ["NA", "EU", "NA", "EU", "EU", None]


def test_texts_that_look_like_numbers(tmp_path):
    rows = [str(number) for number in range(12_000)] + ["a word"]
    (tmp_path / "a.csv").write_text("text,label\n" + "".join(f"{row},0\n" for row in rows))
    assert read(tmp_path)[0] == rows
    (tmp_path / "a.csv").unlink()
    values = ["a word"] * 100 + [12345, 1.5, True, "another"]
    (tmp_path / "b.jsonl").write_text("".join(json.dumps({"text": value}) + "\n" for value in values))
    assert read(tmp_path)[0] == ["a word"] * 100 + ["12345", "1.5", "true", "another"]


def test_other_columns_of_json_may_change_their_types(tmp_path):
    others = [None, "http://a", 3, ["x"], {"deep": {"er": 1}}, True]
    for number, other in enumerate(others):
        row = {"text": f"row {number}", "url": other, "label": number % 2}
        (tmp_path / f"{number}.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "mixed.jsonl").write_text("".join(json.dumps({"text": "m", "url": other}) + "\n" for other in others))
    texts, labels = read(tmp_path)
    assert sorted(texts) == ["m"] * 6 + [f"row {number}" for number in range(6)]
    assert sorted(label for label in labels if label is not None) == [0, 0, 0, 1, 1, 1]


def test_other_columns_of_parquet_may_be_of_any_type(tmp_path):
    texts = pa.array(["a", "b"])
    odd = {
        "map": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
        "view": pa.array(["x", "y"], pa.string_view()),
        "duration": pa.array([1, 2], pa.duration("s")),
    }
    for number, (name, values) in enumerate(odd.items()):
        pa.parquet.write_table(pa.table({"text": texts, name: values, "same": values}), tmp_path / f"{number}.parquet")
    assert sorted(read(tmp_path)[0]) == ["a"] * 3 + ["b"] * 3


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())], ids=str
)
def test_texts_of_any_string_type(tmp_path, kind):
    pa.parquet.write_table(pa.table({"text": pa.array(["a", "b"]).cast(kind)}), tmp_path / "a.parquet")
    pa.parquet.write_table(pa.table({"text": ["c", "d"]}), tmp_path / "b.parquet")
    assert read(tmp_path)[0] == ["a", "b", "c", "d"]


def test_labels_of_two_types_are_told(tmp_path):
    pa.parquet.write_table(pa.table({"text": ["a"], "label": [1]}), tmp_path / "a.parquet")
    pa.parquet.write_table(pa.table({"text": ["b"], "label": ["2"]}), tmp_path / "b.parquet")
    assert read(tmp_path) == (["a", "b"], [1, 2])
    pa.parquet.write_table(pa.table({"text": ["b"], "label": ["two"]}), tmp_path / "b.parquet")
    with pytest.raises(UserError, match=r"b\.parquet: column 'label' holds string, but int64 in the first rows"):
        read(tmp_path)


def test_a_file_that_lacks_a_column(tmp_path):
    pa.parquet.write_table(pa.table({"text": ["a"], "label": [1]}), tmp_path / "a.parquet")
    pa.parquet.write_table(pa.table({"text": ["b"]}), tmp_path / "b.parquet")
    assert read(tmp_path) == (["a", "b"], [1, None])


CARD = """---
dataset_info:
  features:
  - name: text
    dtype: int32
  - name: stars
    dtype: int64
  - name: label
    dtype:
      class_label:
        names:
          '0': bad
          '1': good
---
"""


def test_a_card_that_disagrees_is_named_and_the_files_are_believed(tmp_path, capsys):
    pa.parquet.write_table(pa.table({"text": ["a", "b"], "label": [0, 1]}), tmp_path / "train.parquet")
    (tmp_path / "README.md").write_text(CARD)
    source = open_source(DataArguments(dataset_name=str(tmp_path)))
    assert source.announce(first_table(source.train, "a"), DataArguments()) == [
        "README.md states that column 'text' holds int32, but the files hold string",
        "README.md states a column 'stars', which the files do not have",
    ]
    assert source.train.label_names == {"label": ["bad", "good"]}
    assert read(tmp_path)[0] == ["a", "b"]
    printed = capsys.readouterr().out
    assert "files: Parquet; train: train.parquet (by name); beside the data: README.md" in printed
    assert "warning: README.md states" in printed


def test_a_line_that_is_no_json(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n{"text": \n')
    with pytest.raises(UserError, match=r"a\.jsonl: line 2 is not JSON"):
        read(tmp_path)


def test_rows_of_csv_with_too_many_fields(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\na,1\nb,2,3\n")
    with pytest.raises(UserError, match=r"cannot read .*a\.csv.*Expected 2 columns, got 3"):
        read(tmp_path)


def test_a_file_without_labels_is_read_and_one_without_texts_is_named(tmp_path):
    pa.parquet.write_table(pa.table({"text": ["a", "b"], "label": [0, 1]}), tmp_path / "a.parquet")
    pa.parquet.write_table(pa.table({"text": ["c"]}), tmp_path / "b.parquet")
    assert read(tmp_path) == (["a", "b", "c"], [0, 1, None])
    pa.parquet.write_table(pa.table({"body": ["d"], "label": [1]}), tmp_path / "c.parquet")
    with pytest.raises(UserError, match=r"cannot read .*c.parquet: it has no column 'text'"):
        read(tmp_path)
    (tmp_path / "of_csv").mkdir()
    (tmp_path / "of_csv" / "a.csv").write_text("text,label\na,x\n")
    (tmp_path / "of_csv" / "b.csv").write_text("label;text\ny;b\n")  # another order, another separator
    assert read(tmp_path / "of_csv") == (["a", "b"], ["x", "y"])
    (tmp_path / "of_csv" / "c.csv").write_text("body,label\na,x\n")
    with pytest.raises(UserError, match=r"cannot read .*c.csv: it has no column 'text'"):
        read(tmp_path / "of_csv")


def test_bytes_are_text(tmp_path):
    pa.parquet.write_table(pa.table({"text": ["größe".encode(), b"caf\xe9"]}), tmp_path / "a.parquet")
    assert read(tmp_path)[0] == ["größe", "caf\ufffd"]


@pytest.mark.parametrize("separator", ["\t", ","])
def test_quotes_that_swallow_rows_are_refused(tmp_path, separator):
    rows = [f"text {number}{separator}{number % 2}" for number in range(60)]
    path = tmp_path / ("a.tsv" if separator == "\t" else "a.csv")
    path.write_text("\n".join([f"text{separator}label", *rows]))
    assert len(read(path)[0]) == 60
    rows[20], rows[40] = f'"{rows[20]}', f'"{rows[40]}'
    path.write_text("\n".join([f"text{separator}label", *rows]))
    with pytest.raises(
        UserError, match="cannot read .*: a quote at 'text 20.* is not closed, so that 20 rows would become one"
    ):
        read(path)
    poem = "\n".join(f"line, {number}" if number % 3 else "line" for number in range(30))
    path.write_text(f'text{separator}label\n"{poem}"{separator}1\n')
    assert read(path)[0] == [poem]  # lines within quotes are a text


def test_a_first_line_that_names_no_columns(tmp_path):
    (tmp_path / "a.csv").write_text("\n".join(f"{'a long text ' * 12},{number % 2}" for number in range(9)))
    with pytest.raises(
        UserError, match="its first line names no columns .'a long text .*; add a line with their names"
    ):
        read(tmp_path)


def test_lines_that_end_as_on_old_machines(tmp_path):
    (tmp_path / "a.csv").write_text("label,text\r1,one\r0,two\r", newline="")
    assert read(tmp_path) == (["one", "two"], [1, 0])
