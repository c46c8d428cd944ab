"""Write `docs/leaderboard-inputs.md` by checking every bad input of `tests/leaderboard/cases.py`.

python docs/generate_inputs.py     # about half a minute
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.leaderboard.cases import CASES
from tests.leaderboard.page import render
from tests.leaderboard.test_cases import all_verdicts

PAGE = ROOT / "docs" / "leaderboard-inputs.md"


def main() -> int:
    """Write the page."""
    with tempfile.TemporaryDirectory() as folder:
        verdicts = all_verdicts(Path(folder))
    PAGE.write_text(render(verdicts), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}: {len(CASES)} inputs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
