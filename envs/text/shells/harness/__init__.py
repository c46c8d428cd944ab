"""lm-evaluation-harness: `lm_eval --include_path` this folder `--tasks progressgym_moral19,progressgym_people`."""

from pathlib import Path

__all__ = [
    "FOLDER",  # of the task files
]
FOLDER = Path(__file__).parent
