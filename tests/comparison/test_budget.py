"""A budget becomes the same plan always; less of it buys less, and says so."""

import itertools

import pytest

from hf_ssl.comparison.arguments import ComparisonArguments
from hf_ssl.comparison.budget import plan_for
from hf_ssl.errors import UserError


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5min", 300), ("1h", 3600), ("0.5h", 1800), ("45", 45), ("2 min", 120)]
)
def test_budgets_are_times(text, seconds):
    assert ComparisonArguments(budget=text).seconds == seconds


@pytest.mark.parametrize("text", ["soon", "5 minutes or so", "-5min", "", "1s", "0min"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(UserError, match="--budget"):
        ComparisonArguments(budget=text)


@pytest.mark.parametrize("kind", ["text", "images"])
def test_more_time_buys_more_and_less_says_what_is_missing(kind):
    plans = [plan_for(seconds, kind, [], 1) for seconds in (30, 60, 300, 1800, 14400)]
    task = next(iter(plans[0].steps))
    for less, more in itertools.pairwise(plans):
        assert less.rows <= more.rows
        assert less.steps[task] <= more.steps[task]
        assert len(less.left_out) >= len(more.left_out)
    assert "fine-tuning" in " ".join(plans[0].left_out)
    assert plans[0].supervised_counts == ()
    assert not plans[-1].left_out
    assert plan_for(300, kind, [], 1) == plans[2]


def test_named_tasks_and_seeds_share_the_time():
    alone = plan_for(300, "images", ["contrastive"], 1)
    shared = plan_for(300, "images", ["contrastive"], 3)
    assert shared.steps["contrastive"] == pytest.approx(alone.steps["contrastive"] / 3, abs=1)
    assert list(plan_for(300, "images", ["rotation", "autoencoder"], 1).steps) == ["rotation", "autoencoder"]
