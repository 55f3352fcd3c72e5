"""Random numbers that are a function of a key and a counter."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from hf_ssl.common.randomness import key_of, random_bits, random_normal, random_ranks, random_uniform, subkeys


def test_random_bits_are_spread_and_repeatable():
    numbers = random_uniform(torch.arange(1000), 100)
    assert torch.equal(numbers, random_uniform(torch.arange(1000), 100))
    assert numbers.min() >= 0
    assert numbers.max() < 1
    counts = torch.histc(numbers.float(), 20, 0, 1)
    assert ((counts - 5000).abs() < 5 * 5000**0.5).all()
    assert abs(np.corrcoef(numbers[:, 0], numbers[:, 1])[0, 1]) < 0.1
    assert random_bits(torch.tensor([1]), 2)[0, 0].item() == (
        0x910A2DEC89025CC1 - 2**64
    )  # SplitMix64's reference value


def test_noise_is_standard_normal_and_finite_everywhere():
    drawn = random_normal(torch.arange(200), 100).flatten()
    assert kstest(drawn.numpy(), "norm").pvalue > 0.01
    assert random_normal(torch.arange(3), 5).dtype == torch.float32
    assert drawn.isfinite().all()


def test_a_row_draws_the_same_in_whatever_batch():
    keys = torch.tensor([key_of("row", number) for number in range(20)])
    for draw in (random_bits, random_uniform, random_normal, random_ranks):
        whole = draw(keys, 9)
        assert torch.equal(draw(keys[7:9], 9), whole[7:9])
        assert len({tuple(row) for row in whole.tolist()}) == 20
        if draw is not random_ranks:
            assert torch.equal(draw(keys, 4), whole[:, :4])  # more numbers are further ones


def test_ranks_are_orders_and_all_are_alike_often():
    ranks = random_ranks(torch.arange(3000), 4)
    assert torch.equal(ranks.sort(1).values, torch.arange(4).expand(3000, 4))
    share = torch.stack([(ranks == place).float().mean(0) for place in range(4)])
    assert ((share - 0.25).abs() < 0.05).all()


def test_purposes_have_keys_of_their_own():
    keys = torch.arange(100)
    several = subkeys(keys, 3)
    assert len({int(key) for own in several for key in own} | set(range(100))) == 400
    assert all(torch.equal(own, again) for own, again in zip(several, subkeys(keys, 3), strict=True))
    assert torch.equal(subkeys(keys, 5)[0], several[0])


@given(st.lists(st.one_of(st.integers(), st.text(), st.binary()), max_size=5))
def test_a_key_is_63_bits_of_its_parts(parts):
    assert 0 <= key_of(*parts) < 2**63
    assert key_of(*parts) == key_of(*parts)
    assert key_of(*parts, "") != key_of(*parts)
    assert key_of("ab", "c") != key_of("a", "bc")


def test_keys_are_the_same_on_every_machine():
    assert key_of("codes", 0) == 6110104688301841308
    assert key_of("held-out", b"\x01\x02") == 3249731182738488582
