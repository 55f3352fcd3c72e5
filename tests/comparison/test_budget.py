"""A budget becomes the same plan always; less of it buys less, and says so."""

from __future__ import annotations

import itertools
import json

import pytest

from hf_ssl.common.errors import UserError
from hf_ssl.comparison.arguments import ComparisonArguments
from hf_ssl.comparison.budget import plan_for
from hf_ssl.modalities.known import MODALITIES, modality_class


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5min", 300), ("1h", 3600), ("0.5h", 1800), ("45", 45), ("2 min", 120)]
)
def test_budgets_are_times(text, seconds):
    assert ComparisonArguments(budget=text).seconds == seconds


@pytest.mark.parametrize("text", ["soon", "5 minutes or so", "-5min", "", "1s", "0min"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(UserError, match="--budget"):
        ComparisonArguments(budget=text)


@pytest.mark.parametrize("name", MODALITIES)
def test_more_time_buys_more_and_less_says_what_is_missing(name):
    modality = modality_class(name)()
    plans = [plan_for(seconds, modality, [], 1, None) for seconds in (30, 60, 300, 1800, 14400)]
    task = next(iter(plans[0].steps))
    for less, more in itertools.pairwise(plans):
        assert less.rows <= more.rows
        assert less.steps[task] <= more.steps[task]
        assert len(less.left_out) >= len(more.left_out)
        assert less.effort.draws <= more.effort.draws
    assert "fine-tuning" in " ".join(plans[0].left_out)
    assert plans[0].supervised_counts == ()
    assert not plans[-1].left_out
    assert plan_for(300, modality, [], 1, None) == plans[2]
    assert plan_for(300, modality, [], 1, 7).effort.clusters == 7
    assert json.loads(json.dumps(plans[2].record()))["steps"] == plans[2].steps


def test_named_tasks_and_seeds_share_the_time():
    images = modality_class("images")()
    alone = plan_for(300, images, ["contrastive"], 1, None)
    shared = plan_for(300, images, ["contrastive"], 3, None)
    assert shared.steps["contrastive"] == pytest.approx(alone.steps["contrastive"] / 3, abs=1)
    assert list(plan_for(300, images, ["rotation", "autoencoder"], 1, None).steps) == ["rotation", "autoencoder"]


def test_larger_images_are_fewer_and_take_longer():
    small, large = (plan_for(1800, modality_class("images")(image_size=size), [], 1, None) for size in (32, 64))
    assert large.steps["contrastive"] < small.steps["contrastive"]
    assert large.rows[0] < small.rows[0]
