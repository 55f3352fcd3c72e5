"""Optimizers: Muon against torch's own and its definition, the schedule, state in and out."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForMaskedLM, BertConfig

from hf_ssl.training.arguments import TrainingArguments
from hf_ssl.training.optimizers import (
    Muon,
    _step_by_step,
    _through_gram,
    build_optimizers,
    load_optimizer_tensors,
    optimizer_tensors,
    orthogonal,
    set_learning_rate,
    warmup_stable_decay,
)


def built(network, name):
    rates = TrainingArguments(optimizer=name, learning_rate=0.01, embedding_learning_rate=0.004, weight_decay=0.1)
    return build_optimizers(network, rates, torch.float32)


def model():
    torch.manual_seed(0)
    config = BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    return AutoModelForMaskedLM.from_config(config)


@pytest.mark.parametrize("shape", [(24, 8), (8, 24), (16, 16)])
def test_muon_takes_the_steps_of_torchs_own(shape):
    start = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    ours, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    optimizers = Muon([ours], lr=0.1, weight_decay=0.1), torch.optim.Muon([theirs], lr=0.1, weight_decay=0.1)
    for step in range(5):
        gradient = torch.randn(shape, generator=torch.Generator().manual_seed(step + 1))
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        for optimizer in optimizers:
            optimizer.step()
    assert torch.allclose(ours, theirs, atol=0.02)  # bfloat16 in both, rounded at other places
    assert (ours - start).norm() > 1


@pytest.mark.parametrize("shape", [(24, 8), (8, 24)])
def test_directions_are_nearly_orthogonal(shape):
    values = torch.linalg.svdvals(
        orthogonal(torch.randn((3, *shape), generator=torch.Generator().manual_seed(0)), torch.float32)
    )
    assert values.min() > 0.6
    assert values.max() < 1.3


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_every_parameter_is_in_one_group_and_embeddings_are_not_made_orthogonal(name):
    network = model()
    optimizers = built(network, name)
    owned = [id(p) for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]]
    assert sorted(owned) == sorted(id(p) for p in network.parameters())
    if name == "muon":
        matrices = {id(p) for p in optimizers[0].param_groups[0]["params"]}
        assert id(network.get_input_embeddings().weight) not in matrices
        assert id(network.bert.embeddings.position_embeddings.weight) not in matrices
        assert id(network.bert.encoder.layer[0].attention.self.query.weight) in matrices


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_state_goes_out_and_in(name):
    def train(network, optimizers, steps):
        for step in range(steps):
            tokens = torch.randint(50, (4, 8), generator=torch.Generator().manual_seed(step))
            network.eval()(input_ids=tokens, labels=tokens).loss.backward()
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()

    one = model()
    first = built(one, name)
    train(one, first, 3)
    other = model()
    other.load_state_dict(one.state_dict())
    second = built(other, name)
    load_optimizer_tensors(second, {key: tensor.clone() for key, tensor in optimizer_tensors(first).items()})
    train(one, first, 2)
    train(other, second, 2)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@given(max_steps=st.integers(1, 1000), warmup=st.floats(0, 0.5), decay=st.floats(0, 0.5))
def test_the_schedule_rises_stays_and_falls(max_steps, warmup, decay):
    factors = [warmup_stable_decay(step, max_steps, warmup, decay) for step in range(max_steps)]
    assert all(0 < factor <= 1 for factor in factors)
    peak = factors.index(max(factors))
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    if warmup + decay <= 1 and max_steps > 20:
        assert max(factors) > 0.9


def test_rates_follow_the_factor():
    optimizers = built(model(), "muon")
    set_learning_rate(optimizers, 0.5)
    set_learning_rate(optimizers, 0.25)
    assert [group["lr"] for optimizer in optimizers for group in optimizer.param_groups] == [0.0025, 0.001]


def test_weight_decay_is_for_matrices_only():
    network = model()
    for name in ("adamw", "muon"):
        groups = [group for optimizer in built(network, name) for group in optimizer.param_groups]
        decayed = [p for group in groups if group["weight_decay"] for p in group["params"]]
        assert decayed
        assert all(p.ndim > 1 for p in decayed)
        assert id(network.get_input_embeddings().weight) not in {id(p) for p in decayed}


def test_learning_rates_are_settled_before_anything_is_built():
    usual = {"muon": 0.01, "adamw": 1e-3}
    chosen = TrainingArguments().settled(usual, continued=False)
    assert (chosen.learning_rate, chosen.embedding_learning_rate) == (0.01, 4e-3)
    assert TrainingArguments(optimizer="adamw").settled(usual, False).learning_rate == 1e-3
    going_on = TrainingArguments().settled(usual, continued=True)  # from a checkpoint: a tenth
    assert going_on.learning_rate == pytest.approx(1e-3)
    assert going_on.embedding_learning_rate == pytest.approx(4e-4)
    assert TrainingArguments(learning_rate=0.5).settled(usual, continued=True).learning_rate == 0.5
    with pytest.raises(AssertionError, match="settled comes first"):
        build_optimizers(model(), TrainingArguments(), torch.float32)


def test_a_long_matrix_is_orthogonalised_alike_through_its_gram_matrix():
    matrices = torch.randn((2, 16, 80), generator=torch.Generator().manual_seed(0))
    matrices = matrices / matrices.norm(dim=(1, 2), keepdim=True)
    assert torch.allclose(_through_gram(matrices), _step_by_step(matrices), atol=1e-5)
