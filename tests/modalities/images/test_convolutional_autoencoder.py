"""The convolutional autoencoder: every size comes back."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_ssl.modalities.images.convolutional_autoencoder import AutoencoderConfig, AutoencoderModel

SIZES = (8, 12, 16)


@settings(max_examples=15, deadline=None)
@given(size=st.integers(16, 50), variational=st.booleans())
def test_every_size_comes_back(size, variational):
    model = AutoencoderModel(AutoencoderConfig(size, SIZES, 5, variational))
    output = model(torch.rand(2, 3, size, size), output_hidden_states=True)
    assert output.reconstruction.shape == (2, 3, size, size)
    assert output.pooler_output.shape == (2, 5)
    assert torch.equal(output.last_hidden_state.mean((2, 3)), output.pooler_output)
    assert [state.shape[-1] for state in output.hidden_states] == [size // 2, size // 4, size // 8, 1]
    assert (output.log_variance is not None) == variational
