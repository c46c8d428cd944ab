"""The outcomes of "Utility Engineering" in their authors' wording, where they are at hand."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

_SHARED = os.environ.get("PROGRESSGYM_SHARED")
_FILE = Path(_SHARED or ".") / "real" / "emergent-values" / "options_testing.json"
OUTCOMES = _FILE if _FILE.is_file() else None


def outcomes() -> tuple[list[str], dict[str, float]]:
    """All outcomes of the small set, and the dollars of those that are paid (above 0) or owed (below)."""
    assert OUTCOMES is not None
    groups: dict[str, list[str]] = json.loads(OUTCOMES.read_text(encoding="utf-8"))
    texts = list(dict.fromkeys(text for group in groups.values() for text in group))
    dollars = {}
    for text in texts:
        if match := re.match(r"You (receive|owe someone) \$([\d,]+)", text):
            amount = float(match[2].replace(",", ""))
            dollars[text] = amount if match[1] == "receive" else -amount
    return texts, dollars
