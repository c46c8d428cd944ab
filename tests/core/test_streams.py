"""Streams print whatever they are given, and JSON loses no sign."""

from __future__ import annotations

import io
import json
import sys

import pytest

from progressgym.core.streams import print_json, substitute_signs

TEXT = "\u2191 \u2020 \u00b1 \u00fe \U0001f600 \ud800"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8", "shift_jis"])
def test_any_sign_is_printed(encoding: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    with pytest.raises(UnicodeEncodeError):
        print(TEXT, file=stream, flush=True)
    substitute_signs(stream, None)
    print(TEXT, file=stream, flush=True)
    assert stream.encoding == encoding


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_keeps_every_sign(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    substitute_signs(stream)
    monkeypatch.setattr(sys, "stdout", stream)
    record = {"name": TEXT, TEXT: [TEXT]}
    print_json(json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    stream.flush()
    assert json.loads(raw.getvalue().decode(encoding)) == record
    assert raw.getvalue().decode(encoding).endswith("}\n")
