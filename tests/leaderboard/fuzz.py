"""A fuzzer for submissions: thousands of damaged and recombined zips through the limited verifier.

    python -m tests.leaderboard.fuzz --rounds 20     # 100 submissions a round; minutes

Every one has to end in a verdict: refused with reasons, or accepted where the damage changed nothing that counts. A child
that is ended by a limit, or that fails to write a verdict, is a find, and the input is kept.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from progressgym.core.limits import Limits
from progressgym.leaderboard.limited import verify_all_apart
from progressgym.leaderboard.manifest import MANIFEST, pack
from progressgym.leaderboard.schema import SUBMISSION
from progressgym.leaderboard.unpack import Files
from tests.leaderboard.helpers import base_files, manifested

EACH = 100
JUNK: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**63,
    1e308,
    "",
    "x" * 5000,
    "\x00",
    "\u202e",
    [],
    {},
    [[[]]],
    {"a": {}},
    -0.0,
)


def mutate(rng: random.Random) -> bytes:
    """One damaged submission."""
    files = dict(base_files())
    kind = rng.randrange(6)
    if kind == 0:
        files = _edit_json(files, rng)
    elif kind == 1:
        name = rng.choice(sorted(files))
        files[name] = _damage(files[name], rng)
    elif kind == 2:
        name = rng.choice(sorted(files))
        files = manifested({**files, name: _damage(files[name], rng)})
    elif kind == 3:
        one, other = rng.sample(sorted(files), 2)
        files[one], files[other] = files[other], files[one]
        files = files if rng.random() < 0.5 else manifested(files)
    elif kind == 4:
        for name in rng.sample(sorted(files), rng.randint(1, 5)):
            files.pop(name)
        files = files if rng.random() < 0.5 or MANIFEST in files else manifested(files)
    data = pack(files)
    return _damage(data, rng) if kind == 5 else data


def _damage(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        if not changed:
            break
        at, kind = rng.randrange(len(changed)), rng.randrange(4)
        if kind == 0:
            changed[at] = rng.randrange(256)
        elif kind == 1:
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del changed[at : at + rng.randint(1, 40)]
        else:
            changed[at:at] = changed[at : at + rng.randint(1, 40)]
    return bytes(changed)


def _edit_json(files: Files, rng: random.Random) -> Files:
    record = json.loads(files[SUBMISSION])
    node: Any = record
    while True:
        key = rng.choice(sorted(node)) if isinstance(node, dict) else rng.randrange(len(node))
        child = node[key]
        if isinstance(child, (dict, list)) and child and rng.random() < 0.7:
            node = child
            continue
        action = rng.randrange(3)
        if action == 0:
            node[key] = rng.choice(JUNK)
        elif action == 1:
            del node[key]
        elif isinstance(node, dict):
            node[rng.choice(("x", "score", "truth", "\x1b[2J"))] = child
        else:
            node.append(child)
        return manifested({**files, SUBMISSION: json.dumps(record).encode()})


def main() -> int:
    """Fuzz and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("runs/fuzz"), help="where finds are kept")
    options = parser.parse_args()
    counts: collections.Counter[str] = collections.Counter()
    for number in range(options.rounds):
        rng = random.Random(options.seed * 1_000_003 + number)
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / f"{number}-{index}.zip" for index in range(EACH)]
            for path in paths:
                path.write_bytes(mutate(rng))
            found = verify_all_apart(paths, resamples=20, limits=Limits(wall_seconds=900, processor_seconds=600))
            for path, (verdict, _) in zip(paths, found, strict=True):
                code = "accepted" if verdict.accepted else verdict.problems[0].code
                counts[code] += 1
                if code == "limits":
                    options.keep.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, options.keep)
        print(f"round {number + 1}: {sum(counts.values())} submissions, {counts['limits']} finds", flush=True)
    for code, count in counts.most_common():
        print(f"{count:6d}  {code}")
    return 1 if counts["limits"] else 0


if __name__ == "__main__":
    sys.exit(main())
