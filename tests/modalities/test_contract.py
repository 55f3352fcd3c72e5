"""What every modality promises; number series, which live in the tests only, promise it too."""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from conftest import ROOT, inputs_of
from torch.nn.functional import cross_entropy

from hf_ssl.common.errors import UserError
from hf_ssl.data.rows import Block
from hf_ssl.modalities.base import Modality
from hf_ssl.modalities.flags import ModalityFlags, ViewFlags
from hf_ssl.modalities.known import MODALITIES, flags_of, modality_class, recognise
from hf_ssl.modalities.prepared import Needs, Prepared
from hf_ssl.pretext.pairing import flag_types, pair, task_names
from hf_ssl.runs.pretrained import load_encoder
from hf_ssl.training.arguments import TrainingArguments
from hf_ssl.training.classification import last_layer, learn_last_layer, predict
from modalities.toy.example import added

NAMES = [*MODALITIES, "numbers"]
FOLDERS = {"numbers": "toy"}  # of the tests, where it is not that of the modality's name
ROWS = 60


def example(name: str) -> Any:
    return importlib.import_module(f"modalities.{FOLDERS.get(name, name)}.example")


def cases() -> list[Any]:
    found = []
    for name in NAMES:
        others = getattr(example(name), "others", list)()
        for settings in (example(name).settings(), *others):
            found.append(pytest.param((name, settings), id="-".join([name, *map(str, list(settings.values())[1:])])))
    return found


@dataclasses.dataclass(frozen=True)
class Made:
    """A modality with its columns settled, what it prepared on some rows, and those rows."""

    modality: Modality
    prepared: Prepared
    block: Block
    inputs: list[Any]

    @property
    def samples(self) -> list[Any]:
        return self.modality.row_encoder(self.prepared, Needs()).encode(self.block, [])[0]

    def strict_encode(self, block: Block) -> Any:
        return self.modality.row_encoder(self.prepared, Needs(), strict=True).encode(block, [])

    def batch(self, *places: int) -> dict[str, torch.Tensor]:
        return self.modality.collate([self.samples[place] for place in places])

    def pooled(self, encoder: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        with torch.no_grad():
            return self.modality.pool(encoder.eval()(**inputs), inputs)


@pytest.fixture(scope="module", autouse=True)
def _added():
    with added():
        yield


@pytest.fixture(scope="module", params=cases())
def made(request) -> Made:
    name, settings = request.param
    block = example(name).block(ROWS)
    modality = modality_class(name)(**settings).for_columns(block.table, "made up", "label")
    inputs = inputs_of(modality, block)
    return Made(modality, modality.prepare(inputs, Needs()), block, inputs)


@pytest.fixture(scope="module")
def encoder(made):
    return made.modality.encoder(made.prepared, 0).eval()


@pytest.fixture(scope="module")
def saved(made, encoder, tmp_path_factory) -> Path:
    """The folder of a finished run's model: encoder, processor, and what other libraries need."""
    folder = tmp_path_factory.mktemp("saved")
    encoder.save_pretrained(folder)
    made.prepared.processor.save_pretrained(folder)
    made.modality.write_beside(encoder, folder)
    return folder


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def sentence(error: pytest.ExceptionInfo) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


# Its files and flags


@pytest.mark.parametrize("name", MODALITIES)
def test_it_has_its_folder_its_tests_and_its_card(name):
    for file in ("__init__.py", "flags.py", "modality.py"):
        assert (ROOT / "hf_ssl" / "modalities" / name / file).exists()
    assert (ROOT / "tests" / "modalities" / name / "example.py").exists()
    card = (ROOT / "model_cards" / "modalities" / f"{name}.md").read_text()
    assert set(re.findall(r"{% block (\w+) %}", card)) >= {"encoder", "views", "inputs", "use", "limits"}


@pytest.mark.parametrize("name", NAMES)
def test_its_flags_are_dataclasses_that_explain_themselves(name):
    (flags, views), kind = flags_of(name), modality_class(name)
    assert issubclass(flags, ModalityFlags)
    assert issubclass(views, ViewFlags)
    assert issubclass(kind, flags)
    assert issubclass(kind, Modality)
    assert kind.name == name
    assert kind().views == views()  # all defaults are valid
    own = [each.name for each in dataclasses.fields(flags)]
    assert not {each.name for each in dataclasses.fields(views)} & {*own, "views"}
    assert set(flags.reading) <= set(own)
    for each in (*dataclasses.fields(flags), *dataclasses.fields(views)):
        assert each.metadata["help"].endswith((".", ")")), each.name
        assert each.default is not dataclasses.MISSING
    for frozen in (flags(), views()):
        with pytest.raises(dataclasses.FrozenInstanceError):
            frozen.made_up = 1


@pytest.mark.parametrize("name", NAMES)
def test_what_it_says_of_tasks_is_true(name):
    (flags, _), costs = flags_of(name), modality_class(name).costs
    training = TrainingArguments.__dataclass_fields__
    for task, settings in (*flags.recipes.items(), *costs.settings.items()):
        assert task in task_names()
        pair(task, name, **{flag: value for flag, value in settings.items() if flag not in training})
    for task in (*costs.tasks, *costs.seconds, *costs.most_steps):
        assert flag_types(task, name)
    assert costs.tasks[0] in costs.seconds


def test_flags_do_not_wait_for_torch():
    """--help asks all of them."""
    lines = [f"import {MODALITIES[name]}" for name in NAMES]
    code = "\n".join(["import sys", *lines, "assert 'torch' not in sys.modules"])
    path = f"{ROOT}:{ROOT / 'tests'}"
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# Rows


def test_it_recognises_its_own_rows_and_no_others(made):
    for name in NAMES:
        table = example(name).block(3).table
        assert type(made.modality).recognises(table.drop_columns(["label"])) == (name == made.modality.name)
        if name != made.modality.name:
            with pytest.raises(UserError, match="'made up'") as error:
                type(made.modality)().for_columns(table, "made up", "label")
            assert sentence(error)
    assert recognise(made.block.table, "made up", "label") == made.modality.name


def test_words_as_labels_change_nothing(made):
    words = pa.array([f"kind {number % 3}" for number in range(ROWS)])
    table = made.block.table.drop_columns(["label"]).append_column("label", words)
    assert recognise(table, "made up", "label") == made.modality.name
    again = type(made.modality)().for_columns(table, "made up", "label")
    assert again.columns == made.modality.columns


def test_columns_are_settled_once(made):
    modality, table = made.modality, made.block.table
    assert set(modality.columns) <= set(table.column_names) - {"label"}
    assert modality.for_columns(table, "made up", "label") == modality
    flags = [name for name in modality.reading if name.endswith("_column")]
    assert len(flags) == len(modality.columns)
    for flag in flags:
        with pytest.raises(UserError, match=f"'made up' has no column 'nowhere' .* --{flag}") as error:
            dataclasses.replace(modality, **{flag: "nowhere"}).for_columns(table, "made up")
        assert sentence(error)


def test_the_reader_splits_rows_by_their_content(made):
    modality, block = made.modality, made.block
    assert modality.reader().columns == modality.columns
    everything, skipped = modality.reader().read(block)
    assert not skipped
    assert [place for place, _ in everything] == list(range(ROWS))
    sides = [modality.reader(held_out=side).read(block)[0] for side in (False, True)]
    assert sorted(place for side in sides for place, _ in side) == list(range(ROWS))
    again = Block(3, block.rows[::-1] + 7, block.table.take(np.arange(ROWS)[::-1]))  # other places, another shard
    held = {modality.content(value) for _, value in modality.reader(held_out=True).read(again)[0]}
    assert held == {modality.content(value) for _, value in sides[1]}


def test_labels_are_never_seen(made):
    alone = Block(0, made.block.rows, made.block.table.drop_columns(["label"]))
    assert [made.modality.content(v) for v in inputs_of(made.modality, alone)] == [
        made.modality.content(v) for v in made.inputs
    ]


def test_an_empty_row_is_skipped_or_refused(made):
    table = made.block.table.slice(0, 3)
    for column in made.modality.columns:
        place, field = table.column_names.index(column), table.schema.field(column)
        values = pa.array([None, *table.column(column).to_pylist()[1:]], field.type)
        table = table.set_column(place, field, values)
    block = Block(5, np.array([10, 11, 12]), table)
    usable, skipped = made.modality.reader().read(block)
    assert [place for place, _ in usable] == [1, 2]
    ((row, reason),) = [(each.row, each.reason) for each in skipped]
    assert row == 10
    assert reason
    assert len(made.modality.row_encoder(made.prepared, Needs()).encode(block, [])[2]) == 1
    for strict in (made.modality.reader(strict=True).read, made.strict_encode):
        with pytest.raises(UserError, match="row 10 of shard 5") as error:
            strict(block)
        assert sentence(error)


def test_content_tells_inputs_apart(made):
    modality = made.modality
    contents = [modality.content(value) for value in made.inputs]
    assert all(isinstance(content, bytes) for content in contents)
    assert len(set(contents)) > ROWS / 2
    assert contents == [modality.content(value) for value in inputs_of(modality, made.block)]
    for value, content in zip(made.inputs, contents, strict=True):
        assert modality.size_of(value) >= 1
        assert modality.content(modality.cut(value, 10**9)) == content
    assert modality.surveyed >= 1
    assert min(modality.measured_rows) >= 1
    assert modality.block_rows >= 1
    assert modality.relative_cost > 0
    assert modality.threads is None or modality.threads >= 1


# Samples and batches


def test_what_was_prepared_is_read_back(made, tmp_path):
    made.prepared.save(tmp_path)
    again = made.modality.load_prepared(tmp_path)
    assert same(made.prepared.statistics, again.statistics)
    assert again.modality == made.modality
    first, second = (made.modality.as_samples(prepared, made.inputs[:5]) for prepared in (made.prepared, again))
    assert same(made.modality.collate(first), made.modality.collate(second))


def test_a_row_becomes_a_sample(made):
    row_encoder = made.modality.row_encoder(made.prepared, Needs())
    samples, carry, skipped = row_encoder.encode(made.block, [])
    assert (carry, row_encoder.rest(carry)) == ([], [])
    assert row_encoder.unit.endswith("s")
    assert len(samples) + len(skipped) == ROWS
    assert [int(sample.spans[0, 1]) for sample in samples] == made.block.rows.tolist()
    again = row_encoder.encode(made.block, [])[0]
    assert same(made.modality.collate(samples), made.modality.collate(again))
    assert all(sample.label is None for sample in samples)
    json.dumps(carry)  # a checkpoint keeps it
    short = made.modality.as_samples(made.prepared, made.inputs)
    assert len(short) == ROWS


def test_a_row_in_a_batch_is_that_row_alone(made, encoder):
    batch = made.modality.augmented(made.batch(0, 1, 2, 3), None, made.prepared)
    pooled = made.pooled(encoder, batch)
    assert pooled.shape == (4, encoder.config.hidden_size)
    assert pooled.dtype == torch.float32
    for row in range(4):
        alone = made.modality.augmented(made.batch(row), None, made.prepared)
        assert torch.allclose(made.pooled(encoder, alone)[0], pooled[row], atol=1e-4)


def test_two_views_of_each_row_are_drawn_from_its_key(made, encoder):
    modality, prepared = made.modality, made.prepared
    batch, keys = made.batch(*range(6)), torch.arange(100, 106)
    before = {name: tensor.clone() for name, tensor in batch.items()}
    torch.manual_seed(1)
    views = modality.two_views(batch, keys, prepared, 1.0)
    torch.manual_seed(2)
    assert same(views, modality.two_views(batch, keys, prepared, 1.0))
    assert same(batch, before)
    pooled = made.pooled(encoder, views)
    assert pooled.shape == (12, encoder.config.hidden_size)
    assert not torch.allclose(pooled[:6], pooled[6:], atol=1e-3)
    other = made.pooled(encoder, modality.two_views(batch, keys + 1000, prepared, 1.0))
    assert not torch.allclose(pooled, other, atol=1e-3)
    for row in (0, 4):
        alone = modality.two_views(made.batch(row), keys[row : row + 1], prepared, 1.0)
        assert torch.allclose(made.pooled(encoder, alone), pooled[[row, 6 + row]], atol=1e-4)


@pytest.mark.parametrize("progress", [0.0, 0.7])
def test_views_of_an_early_step_can_be_encoded(made, encoder, progress):
    views = made.modality.two_views(made.batch(0, 1), torch.arange(2), made.prepared, progress)
    assert made.pooled(encoder, views).shape[0] == 4


def test_augmentation_is_drawn_from_keys_too(made, encoder):
    modality, prepared, batch = made.modality, made.prepared, made.batch(*range(4))
    keys = torch.arange(4)
    first, second = (modality.augmented(batch, keys, prepared) for _ in range(2))
    assert same(first, second)
    assert same(modality.augmented(batch, None, prepared), modality.augmented(batch, None, prepared))
    pooled = made.pooled(encoder, first)
    alone = modality.augmented(made.batch(2), keys[2:3], prepared)
    assert torch.allclose(made.pooled(encoder, alone)[0], pooled[2], atol=1e-4)


def test_pictures_are_of_all_rows_or_none(made):
    views = made.modality.two_views(made.batch(0, 1), torch.arange(2), made.prepared, 1.0)
    found = [made.modality.pictures_of(inputs, made.prepared) for inputs in (made.batch(0, 1), views)]
    shapes = [None if each is None else (each.shape[0], each.shape[1]) for each in found]
    assert shapes in ([None, None], [(2, 3), (4, 3)])


# Models and features


def test_the_encoder_is_a_function_of_the_seed(made):
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first, second, other = (made.modality.encoder(made.prepared, seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert same(first, second)
    assert not same(first, other)


def test_the_encoder_is_saved_and_loaded(made, encoder, saved):
    loaded = load_encoder(saved, "made up")
    assert type(loaded) is type(encoder)
    assert same(loaded.state_dict(), encoder.state_dict())
    batch = made.modality.augmented(made.batch(0, 1), None, made.prepared)
    assert torch.equal(made.pooled(loaded, batch), made.pooled(encoder, batch))
    assert made.modality.load_processor(saved)


def test_others_leave_its_encoder_alone(made, encoder, saved):
    for name in NAMES:
        found = modality_class(name).adopt(encoder, saved, "made up")
        if name != made.modality.name:
            assert found is None
        elif found is not None:
            settings, _ = found
            assert pair(modality=name, **settings).task.name in task_names()


def test_features_do_not_depend_on_the_batch_or_the_weather(made, encoder):
    done: list[int] = []
    features = made.modality.embed(encoder, made.prepared, made.inputs, nullcontext, done.append)
    assert sum(done) == ROWS
    torch.manual_seed(7)
    few = made.modality.embed(encoder, made.prepared, made.inputs[40:43], nullcontext)
    turned = made.modality.embed(encoder, made.prepared, made.inputs[::-1], nullcontext)
    assert list(features) == list(few) == list(turned)
    for name, table in features.items():
        assert table.shape[0] == ROWS
        assert table.dtype == np.float32
        assert np.allclose(table[40:43], few[name], atol=1e-4)
        assert np.allclose(table[::-1], turned[name], atol=1e-4)
    assert list(features.values())[-1].shape[1] == encoder.config.hidden_size


def test_the_classifier_learns(made, encoder, saved):
    modality, prepared = made.modality, made.prepared
    model = modality.classifier(prepared, ["a", "b", "c"], 0, saved, trained=True)
    assert model.config.id2label == {0: "a", 1: "b", 2: "c"}
    mine, theirs = model.base_model.state_dict(), encoder.state_dict()
    shared = [name for name in mine if name in theirs and "pool" not in name]
    assert shared
    assert all(torch.equal(mine[name], theirs[name]) for name in shared)
    new = modality.classifier(prepared, ["a", "b", "c"], 1, saved, trained=False)
    assert not same(new.state_dict(), model.state_dict())
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 0, 1, 0, 0])
    samples = [dataclasses.replace(made.samples[place], label=int(label)) for place, label in enumerate(labels)]
    batch = modality.augmented(modality.collate(samples), None, prepared)
    optimizer = torch.optim.SGD([parameter for parameter in model.parameters() if parameter.requires_grad], lr=1e-4)
    losses = []
    for _ in range(2):
        loss = cross_entropy(model.train()(**batch).logits, labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[1] < losses[0]
    assert last_layer(model).out_features == 3
    learn_last_layer(model, prepared, samples)
    found = predict(model, prepared, samples)
    assert found.shape == (12,)
    assert set(found) <= {0, 1, 2}


def test_baselines_are_learned_from_the_bank_alone(made):
    names = [baseline.name for baseline in made.modality.baselines(0)]
    assert len(set(names)) == len(names) >= 1
    for number, baseline in enumerate(made.modality.baselines(0)):
        baseline.fit(made.inputs[:40])
        many, few = baseline.encode(made.inputs), baseline.encode(made.inputs[50:53])
        assert list(many) == list(few)
        fresh = made.modality.baselines(0)[number]
        if baseline.on_map:  # what it learned can be kept: arrays, and JSON
            fresh.arrays = {name: np.asarray(array).copy() for name, array in baseline.arrays.items()}
            fresh.settings = json.loads(json.dumps(baseline.settings))
        else:
            fresh.fit(made.inputs[:40])
        again = fresh.encode(made.inputs[50:53])
        for name, features in many.items():
            assert features.shape[0] == ROWS
            for other in (few[name], again[name]):
                assert np.allclose(dense(features)[50:53], dense(other), atol=1e-4)


def dense(features: Any) -> np.ndarray:
    return features.toarray() if hasattr(features, "toarray") else np.asarray(features)


# For people


def test_inputs_are_shown_as_json(made):
    for value in made.inputs[:5]:
        shown, excerpt = made.modality.shown(value), made.modality.excerpt(value)
        assert shown
        json.dumps([shown, excerpt])
        assert set(excerpt) <= {"text"}
        assert "\n" not in excerpt.get("text", "")
        assert "image" in shown or shown.get("text") or excerpt.get("text")  # a report shows one of them
    json.dumps(made.modality.page(made.inputs, {}))
    assert made.modality.fillers([]) == {}


@pytest.mark.parametrize("asked", [None, 12, {}, [], "", {"times": [1]}, b"x"])
def test_nonsense_that_is_asked_is_one_sentence(made, asked):
    with pytest.raises(UserError) as error:
        made.modality.asked(asked)
    assert sentence(error)


def test_an_uploaded_file_of_something_else_is_one_sentence(made):
    with pytest.raises(UserError) as error:
        made.modality.uploaded(b"not a file of anything")
    assert sentence(error)


def test_inputs_are_kept_in_a_parquet_file(made, tmp_path):
    pq.write_table(pa.table({"rows": made.modality.to_column(made.inputs)}), tmp_path / "rows.parquet")
    read = made.modality.from_column(pq.read_table(tmp_path / "rows.parquet").column("rows"))
    assert list(map(made.modality.content, read)) == list(map(made.modality.content, made.inputs))


def test_clusters_have_terms_or_none(made):
    clusters = np.arange(ROWS) % 3
    terms = made.modality.terms_of(made.inputs, clusters, 4)
    assert terms == {} or (set(terms) == {0, 1, 2} and all(len(found) <= 4 for found in terms.values()))
