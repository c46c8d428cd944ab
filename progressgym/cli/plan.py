"""`progressgym plan`: what training a model will take, computed before anything is loaded."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional

from progressgym.cli.shared import Json, option
from progressgym.core.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from progressgym.tuning.sizing.architecture import Architecture
    from progressgym.tuning.sizing.speed import Device
    from progressgym.tuning.sizing.workload import Workload

EXAMPLES = """
progressgym plan smollm2-135m
progressgym plan PKU-Alignment/ProgressGym-HistLlama3-8B-C021-instruct-v0.2 --device a100-80
progressgym plan llama3-70b --method rlhf --device h100 --devices 8 --sharded --checkpointing
progressgym plan --parameters 30e9 --full --device h200 --json
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Estimate memory and time of aligning a language model over the centuries, from its size.

    Memory is that of each device at the peak of a stage. Time is operations over the device's speed: measured now for a device
    that is here, taken from the makers' data sheets for one that is not.
    """

    model: Annotated[Positional[str], option("MODEL")] = ""
    """A name (smollm2-135m, llama3-8b, llama3-70b, ProgressGym's century models), or a folder with a config.json."""
    parameters: Annotated[float, option("P")] = 0.0
    """In place of MODEL: so many weights, as in 8e9; the shape is a Llama's."""
    method: Literal["sft", "dpo", "rlhf"] = "dpo"
    """What a stage does."""
    full: bool = False
    """Train all weights (float32) instead of a LoRA adapter on bfloat16 ones."""
    rank: Annotated[int, option("R", "Rank of the adapter.")] = 8
    top_layers: Annotated[int, option("N", "Only the last so many layers get an adapter; 0: all.")] = 0
    pairs: Annotated[int, option("N", "Preferences (sft: texts) a century; 0: all comparisons of moral19-v1.")] = 0
    length: Annotated[int, option("N", "Tokens of a text.")] = 128
    answer: Annotated[int, option("N", "Of these, tokens of the answer; sft learns from all.")] = 16
    rows: Annotated[int, option("N", "Pairs a step on one device.")] = 8
    epochs: Annotated[int, option("N", "Passes over the pairs.")] = 1
    centuries: Annotated[int, option("N", "Stages in all.")] = 8
    checkpointing: bool = False
    """Compute activations anew in the backward pass instead of keeping them."""
    device: Annotated[str, option("D")] = "auto"
    """auto, cpu, cuda, or a card that is not here: rtx-4090, a6000, l40s, a100-40, a100-80, h100, h200, b200."""
    devices: Annotated[int, option("N", "How many of them.")] = 1
    sharded: bool = False
    """Divide weights and optimiser over the devices (FSDP) instead of a copy on each."""
    json: Json = False


def run(options: Options) -> int:
    """Compute and print; 1 when it does not fit."""
    from progressgym.tuning.lora import LoraRecipe
    from progressgym.tuning.sizing.speed import device_of
    from progressgym.tuning.sizing.workload import Workload, flops, memory

    if options.centuries < 1 or options.rank < 1 or options.top_layers < 0:
        raise UserError("centuries and rank must be 1 or more, top-layers 0 or more")
    shape = _shape(options)
    lora = None if options.full else LoraRecipe(rank=options.rank, top_layers=options.top_layers or None)
    work = Workload(
        shape=shape,
        method=options.method,
        lora=lora,
        length=options.length,
        answer=options.answer,
        rows=options.rows,
        pairs=options.pairs or _all_pairs(),
        epochs=options.epochs,
        checkpointing=options.checkpointing,
        devices=options.devices,
        sharded=options.sharded,
    )
    device = device_of(options.device, shape, "full" if options.full else "lora")
    parts, operations = memory(work, device.kind), flops(work)
    seconds = operations / (device.flops * options.devices)
    record = {
        "model": options.model or f"{options.parameters:g} weights",
        "parameters": shape.parameters,
        "trainable": work.trainable,
        "shape": asdict(shape),
        "method": options.method,
        "device": asdict(device),
        "devices": options.devices,
        "memory_bytes": {name: round(size) for name, size in parts.items()},
        "fits": parts["total"] <= device.memory,
        "advice": _advice(work, device),
        "tokens_per_century": work.tokens,
        "flops_per_century": operations,
        "seconds_per_century": seconds,
        "seconds": seconds * options.centuries,
        "steps_per_century": math.ceil(work.pairs * work.epochs / (work.rows * work.devices)),
    }
    if options.json:
        print(json.dumps(record, indent=2, allow_nan=False))
    else:
        _print(record, work, options)
    return 0 if record["fits"] else 1


def _shape(options: Options) -> Architecture:
    """The model's shape: of a size, a name, or a configuration on this machine."""
    from progressgym.models import resolve_base
    from progressgym.tuning.sizing.architecture import KNOWN, of_config, of_size, shape_named

    if bool(options.model) == bool(options.parameters):
        raise UserError("give either MODEL or --parameters")
    if options.parameters:
        return of_size(options.parameters)
    folder = Path(options.model).expanduser()
    if (folder / "config.json").is_file():
        return of_config(folder / "config.json")
    architecture = None if folder.exists() else shape_named(options.model)
    if architecture is not None:
        return architecture
    if "/" in options.model and not folder.exists():
        return of_config(resolve_base(options.model) / "config.json")
    raise UserError(
        f"unknown model {options.model!r}{did_you_mean(options.model, KNOWN)}; "
        f"give {', '.join(KNOWN)}, a folder with a config.json, or --parameters"
    )


def _all_pairs() -> int:
    from progressgym.instruments.questionnaire import Questionnaire
    from progressgym.preferences.comparisons import all_pairs

    return len(all_pairs(Questionnaire.load("moral19-v1")))


def _advice(work: Workload, device: Device) -> str | None:
    """What would make it fit: computed, the mildest first; None when it fits."""
    from progressgym.tuning.sizing.workload import memory

    def fits(changed: Workload) -> bool:
        return memory(changed, device.kind)["total"] <= device.memory

    if fits(work):
        return None
    remade = replace(work, checkpointing=True)
    if fits(remade):
        return "it fits with --checkpointing"
    small = replace(remade, rows=1)
    if fits(small):
        rows = max(n for n in range(1, work.rows + 1) if fits(replace(remade, rows=n)))
        return f"it fits with --checkpointing --rows {rows}"
    for count in range(max(2, work.devices), 4097):
        if fits(replace(remade, devices=count, sharded=True)):
            return f"it fits on {count} of them with --devices {count} --sharded --checkpointing"
    return "it does not fit on any number of them; train an adapter (without --full), or take a larger device"


def _print(record: dict[str, Any], work: Workload, options: Options) -> None:
    device = record["device"]
    kind = "all weights in float32" if work.lora is None else f"LoRA of rank {work.lora.rank} on bfloat16 weights"
    many = f"{options.devices} x {device['name']}{', sharded' if options.sharded else ''}"
    print(
        f"model      {record['model']}: {_count(record['parameters'])} weights, {_count(record['trainable'])} trained"
    )
    print(f"stage      {options.method}, {kind}, {work.pairs} pairs, {work.rows} a step, texts of {work.length} tokens")
    print(f"device     {many}, {device['memory'] / 1e9:.0f} GB; {device['flops'] / 1e12:.3g} TFLOP/s each")
    print(f"           {device['basis']}")
    print("memory of each device at the peak")
    for name, size in record["memory_bytes"].items():
        if size:
            print(f"  {name:<26} {size / 1e9:>9.2f} GB")
    print(f"{'fits' if record['fits'] else 'does not fit'}{': ' + record['advice'] if record['advice'] else ''}")
    print(
        f"time       {record['flops_per_century']:.2e} operations a century: {_duration(record['seconds_per_century'])}; "
        f"{options.centuries} centuries: {_duration(record['seconds'])}"
    )


def _count(number: int) -> str:
    """For example 134.5 M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.4g} {unit}"
    return str(number)


def _duration(seconds: float) -> str:
    for size, unit in ((86400 * 2, "days"), (7200, "hours"), (120, "minutes")):
        if seconds >= size:
            return f"{seconds / {'days': 86400, 'hours': 3600, 'minutes': 60}[unit]:.1f} {unit}"
    return f"{seconds:.1f} seconds"
