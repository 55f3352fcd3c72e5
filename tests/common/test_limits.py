"""What people send: text, numbers and places within limits, or a sentence."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_ssl.common.errors import UserError
from hf_ssl.common.limits import MOST_CHARACTERS, places, some_text, whole_number


@given(st.text(max_size=60))
def test_text_that_is_taken_can_be_written_and_shown(text):
    if not "".join(sign for sign in text if unicodedata.category(sign) != "Cc").strip():
        with pytest.raises(UserError, match="there is no text"):
            some_text(text)
        return
    taken = some_text(text)
    taken.encode()
    assert "\0" not in taken
    assert len(taken) == len(text)


@pytest.mark.parametrize("value", [None, 3, ["a"], "", " \n", "\0\0", "x" * (MOST_CHARACTERS + 1)])
def test_what_is_no_text_is_refused(value):
    with pytest.raises(UserError, match="text"):
        some_text(value)


@pytest.mark.parametrize("value", [0, 21, 1e9, 2.5, float("nan"), float("inf"), True, "3", None, [3]])
def test_what_is_no_such_number_is_refused(value):
    with pytest.raises(UserError, match="top_k must be a whole number from 1 to 20"):
        whole_number("top_k", value, 1, 20)
    assert whole_number("top_k", 3.0, 1, 20) == 3


@pytest.mark.timeout(5)
@pytest.mark.parametrize("value", [0.5, 1e400, 10**400, -1])
def test_refusing_a_number_takes_no_time_however_large_the_range(value):
    with pytest.raises(UserError, match="seed"):
        whole_number("seed", value, 0, 2**60)


def test_places_are_sorted_and_single():
    assert places("hidden", [3, 1, 3], 4) == [1, 3]
    for wrong in ([4], [-1], ["1"], 3, "12", [0] * 5):
        with pytest.raises(UserError, match="hidden"):
            places("hidden", wrong, 4)
