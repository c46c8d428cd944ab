"""What `progressgym history validate` and `progressgym values --validate` do with a report: write, draw, print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from progressgym.core.files import write_json, write_text
from progressgym.core.streams import print_json

if TYPE_CHECKING:
    from progressgym.histories.validity.validity_report import Report


def publish(report: Report, out: Path, *, as_json: bool) -> int:
    """Write `validity.json`, `validity.md` and the pictures, print the report; returns the exit code."""
    from progressgym.histories.validity.page import page
    from progressgym.histories.validity.pictures import draw
    from progressgym.histories.validity.validity_report import lines, to_record

    record = to_record(report)
    write_json(out / "validity.json", record)
    write_text(out / "validity.md", page(report))
    failures = draw(report, out)
    if as_json:
        print_json(json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(lines(report)))
        print(f"\nwritten to {out}")
    return 1 if failures else 0
