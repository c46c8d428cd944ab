"""One DPO stage in every process that torchrun starts; each says what it logged and what became of its weights.

torchrun --standalone --nproc_per_node 2 -m tests.tuning.two_processes MODEL OUT
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import torch

from progressgym.core.files import write_json
from progressgym.models import load_language_model
from progressgym.tuning.alignment import AlignRecipe, dpo_stage
from progressgym.tuning.contrasts import Contrast
from progressgym.tuning.lora import LoraRecipe
from progressgym.tuning.tunable import TunableModel

PAIRS = 16


def stage(folder: Path) -> dict[str, Any]:
    """Train on all pairs in every step, over all processes together; what was logged, and the new weights."""
    model = TunableModel(
        load_language_model(folder, device="cpu", dtype="float32"), LoraRecipe(rank=4, top_layers=None)
    )
    pairs = [Contrast(prompt=f"Deed {n:02d}", chosen=" just", rejected=" wicked") for n in range(PAIRS)]
    recipe = AlignRecipe(learning_rate=0.01, beta=1.0, batch_size=PAIRS, epochs=4, warmup_steps=0)
    result = dpo_stage(model, pairs, recipe, seed=1)
    assert model.weights is not None
    weights = {name: tensor.double().flatten().tolist() for name, tensor in sorted(model.weights.items())}
    world = torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1
    return {"world": world, "losses": result.losses, "weights": weights}


def main() -> None:
    torch.set_num_threads(1)
    write_json(Path(sys.argv[2]) / f"{os.environ['RANK']}.json", stage(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
