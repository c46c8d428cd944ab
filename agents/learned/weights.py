"""Weights of networks that come with the package, made by `research.attention` and `research.attention_v2`."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from safetensors.torch import load
from torch import nn

from progressgym.core.seals import read_sealed

Net = TypeVar("Net", bound=nn.Module)


def with_weights(network: Net, name: str) -> Net:
    """A network with its shipped weights, in double precision: results shall not depend on the size of a batch.

    Raises:
        UserError: their file is missing, or damaged since it was made.
    """
    folder = Path(str(files("progressgym.data"))) / "agents" / name
    network.load_state_dict(load(read_sealed(folder / "attention.safetensors")))
    return network.double().requires_grad_(False).eval()
