"""Models behind an OpenAI-compatible endpoint: vLLM, SGLang, llama.cpp, and any other server of that protocol."""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.models.endpoints.address import parse_address
    from progressgym.models.endpoints.model import EndpointModel

__all__ = [
    "EndpointModel",  # a model behind an OpenAI-compatible endpoint
    "parse_address",  # read a spec
]
__getattr__ = lazy(
    __name__,
    {
        "address": "parse_address",
        "model": "EndpointModel",
    },
)
