"""`progressgym history items`: which items of a history's questionnaire carry it, and which fail."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass
from typing import Annotated

import numpy as np
from tyro.conf import Positional

from progressgym.cli.shared import Json, Printed, option
from progressgym.core.files import write_text
from progressgym.core.streams import print_json

EXAMPLES = """
progressgym history items histsmol-v1
progressgym history items histsmol-v1 --out items.csv
progressgym history items gss-v1 --json
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Difficulty, discrimination, drift, agreement and form of every item; items that fail are named with the reason.

    Answers of other training seeds are used where the history ships them.
    """

    history: Annotated[Positional[str], option("HISTORY", "Shipped name, folder, or synthetic id with a seed.")]
    out: Printed = ""
    json: Json = False


def run(options: Options) -> int:
    """Measure, print, write."""
    from progressgym.histories.history import History
    from progressgym.histories.publishing import other_seeds
    from progressgym.histories.validity.items import form_checks, item_rows, to_record

    history, more = History.load(options.history), other_seeds(options.history)
    seeds = np.array([history.answers, *(() if more is None else more)], dtype=np.float64)
    rows = item_rows(seeds, history.instrument)
    forms = form_checks(rows)
    records = [to_record(row) for row in rows]
    if options.json:
        print_json(json.dumps({"items": records, "form": [asdict(form) for form in forms]}, indent=2))
        return 0
    if options.out:
        table = io.StringIO()
        writer = csv.DictWriter(table, records[0])
        writer.writeheader()
        writer.writerows(records)
        write_text(options.out, table.getvalue())
    failing = [row for row in rows if row.fails]
    print(f"{history.name}: {len(failing)} of {len(rows)} items fail ({len(seeds)} training seeds)")
    for reason in dict.fromkeys(reason for row in failing for reason in row.fails):
        named = [row.id for row in failing if reason in row.fails]
        print(f"  {reason} ({len(named)}): {', '.join(named)}")
    agreements = [row.agreement for row in rows if row.agreement is not None]
    print(
        f"agreement with the rest of the dimension: mean {np.mean(agreements):+.3f}, {np.mean(np.array(agreements) > 0):.0%} above 0"
    )
    for form in forms:
        print(
            f"{form.what}: r {form.value:+.3f} [{form.low:+.3f}, {form.high:+.3f}], p {form.p:.4f}, {form.items} items"
        )
    if options.out:
        print(f"every item written to {options.out}")
    return 0
