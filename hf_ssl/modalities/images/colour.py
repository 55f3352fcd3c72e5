"""Colours for a model of grey images."""

from __future__ import annotations

import copy
from typing import Any

from hf_ssl.modalities.building import options


def in_colour(model: Any) -> Any:
    """Let a model of grey images take colours, each with a third of the weight: for grey images nothing changes."""
    config = copy.deepcopy(model.config)
    config.num_channels = 3
    coloured = type(model)._from_config(config, **options())
    weights = dict(model.state_dict())
    for key, value in coloured.state_dict().items():
        if value.shape != weights[key].shape:
            weights[key] = (weights[key] / 3).expand(value.shape)
    coloured.load_state_dict(weights)
    return coloured
