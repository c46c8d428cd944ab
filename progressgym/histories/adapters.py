"""Where the language models of a history's centuries lie."""

from __future__ import annotations

from pathlib import Path

from progressgym.core.errors import UserError
from progressgym.histories.history import shipped_folder


def century_adapters(spec: str | Path) -> dict[str, Path]:
    """Adapters of a history's centuries, oldest first.

    Args:
        spec: a shipped name, or a folder of a history or of a build with `adapters/C0xx`.

    Raises:
        UserError: there are none.

    >>> list(century_adapters("histsmol-v1"))[:2]
    ['C013', 'C014']
    """
    shipped = shipped_folder(str(spec))
    home = (shipped if shipped.is_dir() else Path(spec)) / "adapters"
    folders = {path.parent.name: path.parent for path in sorted(home.glob("*/adapter_config.json"))}
    if not folders:
        raise UserError(f"{spec} holds no century models: there is no adapters/C0xx/adapter_config.json")
    return folders
