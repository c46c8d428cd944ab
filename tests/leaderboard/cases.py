"""Bad inputs that a leaderboard must survive: one list behind the tests and `docs/leaderboard-inputs.md`.

Each case builds a hostile submission and names the problems of which at least one must be the reason of the refusal.
Numbers are those of the documentation page; several cases may share one.
"""

from __future__ import annotations

import json
import struct

import numpy as np

from progressgym.core.files import sha256_bytes
from progressgym.leaderboard.board import load_board
from progressgym.leaderboard.manifest import MANIFEST, SIGNATURE
from progressgym.leaderboard.schema import SUBMISSION
from progressgym.leaderboard.submission import CONFIG
from tests.leaderboard.builders import (
    ahead,
    changed_cells,
    constant,
    extra,
    field,
    first_key,
    folder_with,
    later,
    linked,
    npy,
    npz,
    one_config,
    poisoned,
    steps_bytes,
    truth_actions,
    wrong_shape,
)
from tests.leaderboard.cases_of_form import FORM, Case
from tests.leaderboard.helpers import config_of, with_agent, with_file

ACCEPTED = "accepted"
PICKLE = b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x8c\x06system\x93\x94."
SIGNED = {
    "schema_version": 1,
    "algorithm": "ed25519",
    "public_key": "0" * 64,
    "manifest": "1" * 64,
    "signature": "0" * 128,
}
_NAMES = {
    "a": ("a script tag", "<script>alert(1)</script>"),
    "b": ("markdown", "[x](javascript:1)"),
    "c": ("a spreadsheet formula", "=cmd|' /C calc'!A0"),
    "d": ("terminal escapes", "\x1b[2Jboard"),
    "e": ("a right-to-left override", "abc\u202etxt"),
    "f": ("zero-width signs", "life\u200blong"),
    "g": ("Cyrillic letters that look Latin", "lif\u0435long"),
    "h": ("10 kB", "a" * 10_000),
    "i": ("a path", "../x"),
    "j": ("a device name of Windows", "CON"),
}
CASES: tuple[Case, ...] = (
    *FORM,
    Case(number="27", title="too few steps", build=wrong_shape(lambda a: a[:-1]), codes=("actions-shape",)),
    Case(number="27b", title="too few items", build=wrong_shape(lambda a: a[:, :-1]), codes=("actions-shape",)),
    Case(number="27c", title="no numbers at all", build=wrong_shape(lambda a: a[:0]), codes=("actions-shape",)),
    Case(number="28", title="zero for every answer: indifferent", build=constant(0.0), codes=("no-answers",)),
    Case(number="28b", title="the largest float32 everywhere", build=constant(3.4e38), codes=("no-answers",)),
    Case(number="28c", title="denormal numbers everywhere", build=constant(1e-44), codes=("no-answers",)),
    Case(number="28d", title="infinity everywhere", build=constant(float("inf")), codes=("no-answers",)),
    Case(
        number="28e",
        title="a whisper: century 0's answers, all but levelled",
        build=later(lambda files: with_agent(files, lambda truth, _: truth.static_actions() * np.float32(1e-3))),
        codes=(ACCEPTED,),
    ),
    Case(
        number="29",
        title="a claimed utility above what is possible",
        build=field("cells", 0, "utility", value=99.0),
        codes=("claim",),
    ),
    Case(
        number="29b",
        title="-0.0 as a claimed utility",
        build=field("cells", 0, "utility", value=-0.0),
        codes=("claim",),
    ),
    Case(
        number="30",
        title="made in the year 2999",
        build=field("created", value="2999-01-01T00:00:00+00:00"),
        codes=("schema",),
    ),
    Case(
        number="30b",
        title="a time without zone",
        build=field("created", value="2026-01-01T00:00:00"),
        codes=("schema",),
    ),
    Case(
        number="30c",
        title="the year 99999",
        build=field("created", value="99999-01-01T00:00:00+00:00"),
        codes=("schema",),
    ),
    Case(number="31", title="cells out of order", build=changed_cells(lambda c: c.reverse()), codes=("cell-order",)),
    Case(
        number="31b",
        title="a step repeated: peeking at the next century",
        build=wrong_shape(lambda a: np.concatenate([a, a[-1:]])),
        codes=("actions-shape",),
    ),
    Case(
        number="32",
        title="other questions than the seed asks",
        build=field("cells", 0, "comparisons", value="0" * 64),
        codes=("comparisons",),
    ),
    Case(
        number="32b",
        title="the history of another seed",
        build=later(
            lambda f: with_file(
                f,
                f"{load_board().cells[30].folder}/{CONFIG}",
                config_of(load_board(), load_board().cells[31], "nudged"),
            )
        ),
        codes=("config", "config-source"),
    ),
    Case(
        number="32c",
        title="fewer questions than the board asks",
        build=one_config(arguments={"history": "histsmol-v1", "labels": "probability", "queries": 3}),
        codes=("config",),
    ),
    Case(number="33", title="a copy of the truth", build=truth_actions("target"), codes=("truth",)),
    Case(
        number="33b", title="a copy of the last human's true answers", build=truth_actions("observed"), codes=("truth",)
    ),
    Case(number="33c", title="the truth, shifted", build=truth_actions("shifted"), codes=("truth",)),
    Case(number="33d", title="a blend of two centuries' truth", build=truth_actions("blend"), codes=("truth",)),
    Case(
        number="33e",
        title="one constant answer",
        build=later(lambda f: with_agent(f, lambda t, _: t.static_actions())),
        codes=(ACCEPTED,),
    ),
    Case(
        number="33f",
        title="a reference that reads the truth, by name",
        build=field("agent", "id", value="oracle"),
        codes=("privileged",),
    ),
    *(
        Case(
            number=f"33{letter}",
            title=f"{what}, by name",
            build=field("agent", "name", value=name),
            codes=(code,),
        )
        for letter, what, name, code in (
            ("h", "what looks like a reference", "orac1e", "privileged"),
            ("i", "a reference in capitals", "Oracle", "privileged"),
            ("j", "a reference with another sign", "last_human?x=1", "privileged"),
            ("k", "a reference in digits", "0R4CL3", "privileged"),
            ("l", "a shipped agent that it is not", "kalman", "name-reserved"),
            ("m", "what looks like a shipped agent", "1ifelong.rnap", "name-reserved"),
            ("n", "the board", "B0ard", "name-reserved"),
            ("o", "the project", "progress-gym", "name-reserved"),
        )
    ),
    *(
        Case(
            number=f"34{letter}",
            title=f"agent's name is {what}",
            build=field("agent", "name", value=name),
            codes=("schema",),
        )
        for letter, (what, name) in _NAMES.items()
    ),
    Case(
        number="34k",
        title="author's name with a right-to-left override",
        build=field("authors", value=["Ada \u202eecalevoL"]),
        codes=("schema",),
    ),
    Case(
        number="34l",
        title="author's name that mixes alphabets",
        build=field("authors", value=["Ad\u0430 Lovelace"]),
        codes=("schema",),
    ),
    Case(
        number="34m",
        title="author's name with terminal escapes",
        build=field("authors", value=["Ada\x1b]0;x\x07"]),
        codes=("schema",),
    ),
    Case(
        number="34n",
        title="author's name with a tower of accents",
        build=field("authors", value=["A" + "\u0301" * 40]),
        codes=("schema",),
    ),
    *(
        Case(
            number=f"34{letter}",
            title=f"author's name of {what}",
            build=field("authors", value=["Ada", name]),
            codes=("schema",),
        )
        for letter, what, name in (
            ("p", "a Hangul filler", "\u3164"),
            ("q", "Braille without dots", "\u2800\u2800"),
            ("r", "a grapheme joiner among letters", "A\u034fda"),
            ("s", "a variation selector among letters", "A\ufe0fda"),
            ("t", "a mark without a letter", "\u0301"),
        )
    ),
    Case(
        number="37",
        title="signature of another manifest",
        build=later(lambda f: {**f, SIGNATURE: json.dumps(SIGNED).encode()}),
        codes=("signature-digest",),
    ),
    Case(
        number="37c",
        title="signature by the key that signs everything",
        build=later(
            lambda f: {
                **f,
                SIGNATURE: json.dumps(
                    {
                        **SIGNED,
                        "public_key": "01" + "0" * 62,
                        "manifest": sha256_bytes(f[MANIFEST]),
                        "signature": "01" + "0" * 126,
                    }
                ).encode(),
            }
        ),
        codes=("signature-weak",),
    ),
    Case(
        number="38",
        title="a clock two days ahead",
        build=lambda folder: field("created", value=ahead())(folder),
        codes=("schema",),
    ),
    Case(
        number="41",
        title="a score that the answers do not give",
        build=field("cells", 3, "utility", value=7.9),
        codes=("claim",),
    ),
    Case(number="41b", title="a score field of one's own", build=field("score", value=1.0), codes=("schema",)),
    Case(
        number="42",
        title="a ground truth of one's own",
        build=extra("cells/histsmol-v1/follow/0/truth.npz"),
        codes=("path",),
    ),
    Case(
        number="42b",
        title="another history by the same name",
        build=one_config(history={"name": "histsmol-v1", "hash": "0" * 64}),
        codes=("config-source",),
    ),
    Case(
        number="43",
        title="a file changed after the manifest",
        build=later(lambda f: {**f, SUBMISSION: f[SUBMISSION] + b" "}),
        codes=("manifest-hash",),
    ),
    Case(
        number="43b",
        title="no manifest",
        build=later(lambda f: {k: v for k, v in f.items() if k != MANIFEST}),
        codes=("manifest-missing",),
    ),
    Case(
        number="44",
        title="manifest lists a file outside",
        build=later(lambda f: {**f, MANIFEST: f[MANIFEST] + b"0" * 64 + b"  ../../etc/passwd\n"}),
        codes=("manifest-path",),
    ),
    Case(
        number="44b",
        title="manifest lists a file that is not there",
        build=later(lambda f: {**f, MANIFEST: b"0" * 64 + b"  cells/a/b/0/steps.npz\n" + f[MANIFEST]}),
        codes=("manifest-file-missing",),
    ),
    Case(
        number="45",
        title="a file that is not listed",
        build=later(lambda f: {**f, "cells/a/b/0/steps.npz": b"x"}),
        codes=("manifest-unlisted",),
    ),
    Case(
        number="45b", title="a listed file of no cell", build=extra("cells/a/b/0/steps.npz"), codes=("cell-file-extra",)
    ),
    Case(
        number="45c",
        title="manifest in another order",
        build=later(lambda f: {**f, MANIFEST: b"".join(reversed(f[MANIFEST].splitlines(keepends=True)))}),
        codes=("manifest-form",),
    ),
    Case(number="46", title="NaN in one cell of ten", build=poisoned(float("nan")), codes=("actions-nan",)),
    Case(
        number="48",
        title="made for an older version of the board",
        build=field("board", "sha256", value="0" * 64),
        codes=("board-version",),
    ),
    Case(
        number="48b",
        title="another scheme of random numbers",
        build=one_config(rng_scheme="uniforms-v0"),
        codes=("config",),
    ),
    Case(
        number="49",
        title="pickle instead of numbers",
        build=steps_bytes(lambda: npz({"actions.npy": PICKLE})),
        codes=("actions-form",),
    ),
    Case(
        number="49b",
        title="npy of objects",
        build=steps_bytes(npy("|O", (8, 432, 4), PICKLE)),
        codes=("actions-dtype",),
    ),
    Case(
        number="49c",
        title="npy that declares 10**11 numbers",
        build=steps_bytes(npy("<f4", (10**11,))),
        codes=("actions-shape",),
    ),
    Case(
        number="49d",
        title="npy with code in its header",
        build=steps_bytes(npy("<f4'+__import__('os').getcwd()+'", (1,))),
        codes=("actions-form", "actions-dtype"),
    ),
    Case(
        number="49e",
        title="npy with fewer numbers than declared",
        build=steps_bytes(npy("<f4", (8, 432, 4), b"\0" * 100)),
        codes=("actions-size",),
    ),
    Case(
        number="49f",
        title="float64 answers",
        build=steps_bytes(npy("<f8", (8, 432, 4), bytes(8 * 8 * 432 * 4))),
        codes=("actions-dtype",),
    ),
    Case(number="49g", title="a checkpoint of torch", build=extra("pytorch_model.bin", PICKLE), codes=("path",)),
    Case(
        number="49h",
        title="a second array beside the actions",
        build=steps_bytes(lambda: npz({"actions.npy": b"", "truth.npy": b""})),
        codes=("path",),
    ),
    Case(
        number="50",
        title="safetensors weights",
        build=extra("model.safetensors", struct.pack("<Q", 2 * 10**11) + b"{}"),
        codes=("path",),
    ),
    Case(
        number="51",
        title="config.json of a model, with code",
        build=extra("config.json", b'{"auto_map": {"AutoModel": "x.Y"}}'),
        codes=("path",),
    ),
    Case(
        number="51b",
        title="a cell's config.json with keys of a model",
        build=later(
            lambda f: with_file(
                f,
                f"{first_key().folder}/{CONFIG}",
                b'{"auto_map": {"AutoModel": "x.Y"}, "_attn_implementation_internal": "x"}',
            )
        ),
        codes=("schema",),
    ),
    Case(
        number="52",
        title="tokenizer with a hostile template",
        build=extra("tokenizer_config.json", b'{"chat_template": "{% for i in range(9**9) %}{% endfor %}"}'),
        codes=("path",),
    ),
    Case(number="53", title="GGUF file", build=extra("model.gguf", b"GGUF\3\0\0\0"), codes=("path",)),
    Case(
        number="54",
        title="adapter whose base lies elsewhere",
        build=extra("adapter_config.json", b'{"base_model_name_or_path": "/etc"}'),
        codes=("path",),
    ),
    Case(
        number="54b",
        title="base model named by a control sign",
        build=field("base_model", value={"name": "a\x1bb", "revision": "1"}),
        codes=("schema",),
    ),
    Case(
        number="55",
        title="folder with a symbolic link",
        build=folder_with(lambda r: (r / "SIGNATURE.json").symlink_to("/etc/passwd")),
        codes=("path-kind",),
    ),
    Case(number="55b", title="a symbolic link for the folder", build=lambda folder: linked(folder), codes=("source",)),
    Case(
        number="56",
        title="code at an address inside of the network",
        build=field("code", "url", value="https://169.254.169.254/latest"),
        codes=("schema",),
    ),
    Case(
        number="56b",
        title="code at localhost",
        build=field("code", "url", value="https://board.localhost/x"),
        codes=("schema",),
    ),
    Case(
        number="56c", title="code at a file", build=field("code", "url", value="file:///etc/passwd"), codes=("schema",)
    ),
    Case(
        number="56d",
        title="code at an address with a password",
        build=field("code", "url", value="https://me:secret@example.org/x"),
        codes=("schema",),
    ),
    Case(
        number="56f",
        title="an agent of one's own without the address of its code",
        build=field("code", value={"commit": "0123456", "entry": "mine:Agent"}),
        codes=("schema",),
    ),
    Case(
        number="56e", title="code by script", build=field("code", "url", value="javascript:alert(1)"), codes=("schema",)
    ),
)
BY_STORE: tuple[tuple[str, str, str, str], ...] = (
    ("34o", "agent's name that looks like another entry's", "name-alike", "test_store.py::test_names_that_look_alike"),
    (
        "35",
        "the same name and version with other content",
        "version-taken",
        "test_store.py::test_other_content_needs_another_version",
    ),
    (
        "36",
        "somebody else's signed bundle, sent again",
        "nothing changes",
        "test_store.py::test_replay_of_a_bundle_changes_nothing",
    ),
    ("37b", "a new version signed by another key", "signer", "test_store.py::test_a_name_keeps_its_key"),
    ("39", "two submissions at once", "both kept, once each", "test_store_races.py::test_concurrent_submissions"),
    ("40", "withdrawn and sent again", "withdrawn", "test_store.py::test_withdrawal_leaves_a_tombstone"),
    ("33g", "every answer the same as another, proven entry's", "copy", "test_store.py::test_copies_of_another_entry"),
    ("47", "ties", "the mean rank, shared", "test_ranking.py::test_ties_share_a_rank"),
    (
        "57",
        "full disk or read-only store while accepting",
        "one line, nothing changed",
        "test_store.py::test_full_disk",
    ),
    (
        "58",
        "kill -9 at any write point",
        "not there, or wholly there",
        "test_store_kill.py::test_kill_at_every_write_point",
    ),
)
"""Cases that need a store: number, title, outcome, test."""
