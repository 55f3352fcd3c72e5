"""A modality that lives in the tests only: a row is a series of numbers, each with its time, in two columns."""

from __future__ import annotations

from modalities.toy.numbers.flags import NumberFlags, NumberViews

FLAGS, VIEWS = NumberFlags, NumberViews
