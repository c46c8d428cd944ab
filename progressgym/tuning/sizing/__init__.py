"""How much memory and time training takes, computed from a model's shape before anything is loaded."""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.tuning.sizing.architecture import Architecture, of_config, of_size, shape_named
    from progressgym.tuning.sizing.speed import Device, device_of
    from progressgym.tuning.sizing.workload import Workload, flops, memory

__all__ = [
    "Architecture",  # a decoder of the Llama family
    "Device",  # a device that training may run on
    "Workload",  # one alignment stage (a century)
    "device_of",  # the device of a name
    "flops",  # floating-point operations of a stage, over all devices
    "memory",  # bytes of one device, by part
    "of_config",  # the shape that a `config.json` describes
    "of_size",  # a Llama of about so many weights
    "shape_named",  # the shape that goes by a name, also of ProgressGym's century models (HistLlama3-8B, -70B)
]
__getattr__ = lazy(
    __name__,
    {
        "architecture": "Architecture of_config of_size shape_named",
        "speed": "Device device_of",
        "workload": "Workload flops memory",
    },
)
