"""What was it worth: the frozen features of a text model beside untrained ones and TF-IDF, on the same rows."""

from collections.abc import Callable
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from hf_ssl.evaluation.baselines import tfidf_svd
from hf_ssl.evaluation.embed import embed_texts
from hf_ssl.evaluation.labelled import LabelledTexts
from hf_ssl.evaluation.probes import measure_features
from hf_ssl.evaluation.readout import best_readout
from hf_ssl.progress import progress_bar


def compare_features(
    models: dict[str, PreTrainedModel],
    tokenizer: PreTrainedTokenizerBase,
    bank: LabelledTexts,
    test: LabelledTexts,
    longest: int,
    autocast: Callable[[], Any],
    seed: int,
) -> dict[str, Any]:
    """Measure the features of each model and of TF-IDF + SVD.

    Returns:
        Name ("pretrained", "untrained", "tfidf_svd") -> figures of `measure_features`, with "choice": the layer or
        dimension and the whitening that did best on folds of the bank.
    """
    rows = len(models) * (len(bank.texts) + len(test.texts))
    with progress_bar("features", total=rows, unit="row") as bar:
        candidates = {
            name: {
                layer: (features[: len(bank.texts)], features[len(bank.texts) :])
                for layer, features in embed_texts(
                    model, tokenizer, [*bank.texts, *test.texts], longest, autocast, bar.update
                ).items()
            }
            for name, model in models.items()
        }
    candidates["tfidf_svd"] = tfidf_svd(bank.texts, test.texts, seed)
    figures = {}
    for name in progress_bar("readouts", candidates):
        readout = best_readout(candidates[name], bank.labels)
        figures[name] = measure_features(readout.bank, bank.labels, readout.test, test.labels, seed)
        figures[name]["choice"] = readout.choice
    return figures
