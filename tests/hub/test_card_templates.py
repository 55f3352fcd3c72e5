"""The templates of the card: every task on every modality, classifiers, and a modality that they do not know."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import sys
from dataclasses import replace
from types import ModuleType

import pytest
from huggingface_hub import ModelCard

from hf_ssl.common.errors import UserError
from hf_ssl.common.run_folder import FINE_TUNING, PRETRAINING, RunFolder
from hf_ssl.data.arguments import DataArguments
from hf_ssl.modalities.known import MODALITIES
from hf_ssl.modalities.text.flags import TextFlags, TextViews
from hf_ssl.modalities.text.modality import Text
from hf_ssl.pretext.pairing import modalities_of, pair, task_class, task_names
from hf_ssl.runs.card import card_text, templates
from hf_ssl.runs.fine_tuning_arguments import FineTuningArguments
from hf_ssl.runs.results import Cost, DataRecord, ModelRecord, RunResults
from hf_ssl.runs.table import FIGURES
from hf_ssl.training.arguments import TrainingArguments

PAIRS = [(task, modality) for task in task_names() for modality in modalities_of(task_class(task))]
SENTENCE = "worse than those of the same network without any training"


def figures(mean: float, keys=tuple(FIGURES)) -> dict:
    row = {key: {"mean": mean, "low": mean - 0.01, "high": mean + 0.02} for key in keys}
    choice = {"features": "layer 2 of 3", "whitening": 0.25, "clustered": "layer 1 of 3", "whitening_for_clusters": 0.0}
    return row | {"choice": choice}


def made_up(task: str, modality: str) -> RunResults:
    """Results of a run that never was, with every figure that a card may show."""
    kind = task_class(task)
    heldout = {"loss": 3.25, "accuracy": 0.5, "masked_accuracy": 0.4, "perplexity": 25.8, kind.baseline[0]: 4.125}
    return RunResults(
        run="made up",
        command="python scripts/pretrain.py",
        kind=PRETRAINING,
        task=task,
        modality=modality,
        seed=0,
        cost=Cost(35.2, 20.1, 12, "units", 12_288),
        data=DataRecord("user/data", "abc", on_hub=True, label_column="kind", skipped_rows=3, skipped={"empty": 3}),
        model=ModelRecord(
            "AModel", "transformers.a", 1_234_567, 0.0, None, False, None, kind.tag, "a-pipeline", "transformers"
        ),
        baseline=kind.baseline,
        versions={"hf_ssl": "0"},
        heldout=heldout,
        features={"pretrained": figures(0.5), "untrained": figures(0.4), "words": figures(0.3, ["knn_accuracy"])},
        features_note="intervals of some kind.",
    )


def config_of(task: str, modality: str, **settings) -> dict:
    flags = dataclasses.asdict(DataArguments("user/data")) | dataclasses.asdict(TrainingArguments())
    return pair(task, modality, **settings).settings() | flags


@pytest.mark.parametrize(("task", "modality"), PAIRS)
def test_every_task_on_every_modality_has_a_card(task, modality, tmp_path):
    results = made_up(task, modality)
    assert RunResults.of(json.loads(results.text())) == results
    text = card_text(RunFolder(tmp_path, config_of(task, modality)), results, "user/model", "")
    title = task_class(task).baseline[1]
    for part in ("# model\n", "3.250", "4.125", title, "## Evaluation", "## Limits", "12,288 units", "year = {"):
        assert part in text
    assert '"user/model"' in re.search(r"```python\n(.*?)```", text, re.S).group(1)
    assert "| pretrained | 0.500 (0.490 to 0.520) |" in text
    assert re.search(r"\| words \| 0\.300 \(0\.290 to 0\.320\) \|( +\|){5} layer 2 of 3, whitening 0\.25 \|", text)
    assert "layer 1 of 3, no whitening |" in text
    assert "intervals of some kind.\n" in text
    assert SENTENCE not in text
    assert not re.search("{{|{%|{#|Undefined|None", text)
    assert not re.search(r"\n\n\n\n|[^\n]```", text)


def test_a_card_names_the_figures_in_which_features_are_worse_than_untrained(tmp_path):
    folder, results = RunFolder(tmp_path, config_of("rotation", "images")), made_up("rotation", "images")
    features = results.features | {"untrained": figures(0.4) | figures(0.6, ["linear_100_accuracy", "kmeans_nmi"])}
    text = card_text(folder, replace(results, features=features), None, "")
    assert f"{SENTENCE}** in: linear, 100 labels; k-means NMI." in text
    assert SENTENCE not in card_text(folder, replace(results, features={"pretrained": figures(0.1)}), None, "")


def test_columns_of_the_table_are_those_that_were_measured(tmp_path):
    folder, results = RunFolder(tmp_path, config_of("rotation", "images")), made_up("rotation", "images")
    few = {"pretrained": figures(0.5, ["knn_accuracy", "kmeans_nmi"]), "pixels": figures(0.5, ["kmeans_ari"])}
    text = card_text(folder, replace(results, features=few), None, "")
    assert "| features | kNN | k-means NMI | k-means ARI | chosen for" in text
    figured = {result.metric_type for result in ModelCard(text).data.eval_results} - {"loss", "accuracy"}
    assert figured == {"knn_accuracy", "kmeans_nmi", "masked_accuracy", "perplexity"}


@pytest.mark.parametrize("scratch", [True, False])
@pytest.mark.parametrize(
    ("modality", "name", "module"),
    [
        ("text", "StaticForSequenceClassification", "hf_ssl.modalities.text.static"),
        ("images", "ViTForImageClassification", "transformers.vit"),
    ],
)
def test_classifiers_of_every_modality_have_a_card(modality, name, module, scratch, tmp_path):
    results = made_up("contrastive", modality)
    recipe = {"steps": 300, "learning_rate": 0.001, "batch_size": 64, "tried": {"0.0": 0.5, "0.001": 0.75}}
    results = replace(
        results,
        kind=FINE_TUNING,
        task="classification",
        model=replace(results.model, name=name, module=module, base="runs/mine"),
        baseline=("majority_accuracy", "the commonest label"),
        heldout={"accuracy": 0.8, "low": 0.7, "high": 0.9, "macro_f1": 0.75, "majority_accuracy": 0.3, "rows": 1200},
        features=None,
        features_note="the classifier itself was measured",
        classifier={
            "names": ["a|b", "c`d"],
            "recipe": recipe | {"from_scratch": scratch},
            "pretrained_by": {"task": "contrastive", "steps": 900},
        },
    )
    flags = dataclasses.asdict(FineTuningArguments("runs/mine", labels_per_class=10)) | dataclasses.asdict(
        DataArguments()
    )
    text = card_text(RunFolder(tmp_path, flags, FINE_TUNING), results, "user/model", "")
    for part in (
        "2 classes: `a\\|b`, `c'd`",
        "on 1,200 test rows",
        "0.800 (0.700 to 0.900)",
        "0.500 at 0.0 (last layer",
    ):
        assert part in text
    assert f"puts {modality if modality == 'images' else 'texts'} into" in text
    assert ("from scratch" in text) == scratch
    assert ("contrastive, 900 steps" in text) != scratch
    assert "| labels_per_class | `10` |" in text
    assert "features were measured" not in text
    assert "rows skipped" not in text
    block = re.search(r"```python\n(.*?)```", text, re.S).group(1)
    assert (f"class {name}(" in block) == (modality == "text")  # what transformers does not have comes with the card
    assert "__future__" not in block  # must be a file's first line, and a card is pasted anywhere
    compile(block, "card", "exec")
    figured = {result.metric_name: result.metric_value for result in ModelCard(text).data.eval_results}
    assert figured == {"accuracy": 0.8, "macro F1": 0.75}


def test_a_modality_brings_its_own_fragment(tmp_path, monkeypatch):
    """Templates of tasks know no modality by name."""
    package, module = ModuleType("tunes"), ModuleType("tunes.modality")
    package.FLAGS, package.VIEWS = TextFlags, TextViews
    module.MODALITY = type("Tunes", (Text,), {"name": "tunes", "rows_name": "tunes"})
    monkeypatch.setitem(sys.modules, "tunes", package)
    monkeypatch.setitem(sys.modules, "tunes.modality", module)
    monkeypatch.setitem(MODALITIES, "tunes", "tunes")
    shutil.copytree(templates(), tmp_path / "cards")
    monkeypatch.setattr("hf_ssl.runs.card.templates", lambda: tmp_path / "cards")
    fragment = (
        '{% extends "frame.md" %}{% block encoder %}An ear.{% endblock %}{% block views %}Half a tune.{% endblock %}'
        "{% block use %}listen(){% endblock %}{% block limits %}Deaf to {{ config.sequence_length }}.{% endblock %}"
    )
    (tmp_path / "cards" / "modalities" / "tunes.md").write_text(fragment)
    text = card_text(RunFolder(tmp_path, config_of("contrastive", "tunes")), made_up("contrastive", "tunes"), None, "")
    for part in ("An ear.", "Half a tune.", "listen()", "Deaf to 256.", "16 tunes in a batch", "held-out tunes"):
        assert part in text
    with pytest.raises(UserError, match="there is no modality 'smells'"):
        card_text(RunFolder(tmp_path, {}), made_up("contrastive", "smells"), None, "")


def test_defaults_are_those_of_the_task_on_the_modality(tmp_path):
    flags = config_of("contrastive", "text", temperature=0.5) | {"max_steps": 900, "batch_size": 16, "seed": 1}
    folder = RunFolder(tmp_path, flags | {"optimizer": "adamw", "decay_share": 0.95, "tokenizer_name": "/home/me/own"})
    card = card_text(folder, made_up("contrastive", "text"), "user/model", "")
    table = re.findall(r"^\| (\w+) \| `(.*?)` \| `(.*?)` \|$", card.split("| flag | value | default |")[1], re.M)
    assert sorted(table) == [
        ("batch_size", "16", "1024"),
        ("seed", "1", "0"),
        ("temperature", "0.5", "0.25"),
        ("tokenizer_name", "own", "that of the checkpoint, or one learned from the first rows"),
    ]
