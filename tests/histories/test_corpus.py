"""HistText in every published form, and every way in which it can be broken."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressgym.core.errors import UserError
from progressgym.histories import corpus as corpus_module
from progressgym.histories.build import corpus_lines, read_corpus
from progressgym.histories.cleaning import clean_passages, reject, repair
from progressgym.histories.corpus import Passage, ReadReport, stream_passages
from progressgym.histories.json_array import DECODER
from progressgym.histories.selection import divide, draw, moral_density
from progressgym.histories.spelling import LEVELS, normalise

RECORDS = [
    {"creation_year": 1221, "source_dataset": "A", "content": "first passage", "title": "One"},
    {"creation_year": 1899, "source_dataset": "B", "content": 'second [passage], with "signs" }', "title": "Two"},
    {"creation_year": 2001, "source_dataset": "C", "content": "third þassage"},
]
PROSE = (
    "In the morning of that day the old man went down to the river, and he said to his son that it was not right to "
    "take from the poor what they had gathered with their own hands in the time of the harvest, for it would be a "
    "shame upon the house and upon all who came after. The son heard him and was silent, but he did not do it. "
)


def write(path: Path, form: str) -> Path:
    lines = "\n".join(json.dumps(record, ensure_ascii=False) for record in RECORDS) + "\n"
    text = lines if "jsonl" in form else json.dumps(RECORDS, ensure_ascii=False, indent=1)
    file = path / f"Y01221.{form}"
    if form.endswith("gz"):
        file.write_bytes(gzip.compress(text.encode()))
    else:
        file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("form", ["json", "jsonl", "json.gz", "jsonl.gz"])
@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_every_form_reads_alike(tmp_path: Path, form: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_module, "CHUNK", chunk)
    write(tmp_path, form)
    report = ReadReport()
    passages = list(stream_passages(tmp_path, report))
    assert [passage.text for passage in passages] == [record["content"] for record in RECORDS]
    assert [passage.century for passage in passages] == ["C013", "C019", "C021"]
    assert passages[2].work == "C 2001" and report.broken == 0 and report.passages == 3


def test_broken_lines_are_skipped_counted_and_named(tmp_path: Path) -> None:
    good = json.dumps(RECORDS[0])
    bad = [
        "{not json",
        "[1, 2]",
        json.dumps({"creation_year": "soon", "content": "x"}),
        json.dumps({"creation_year": 1300}),
    ]
    (tmp_path / "a.jsonl").write_text("\n".join([good, bad[0], good, *bad[1:], "", good]))
    report = ReadReport()
    assert len(list(stream_passages(tmp_path, report))) == 3
    assert report.broken == 4
    assert [fault.split(": ")[0] for fault in report.faults] == [f"a.jsonl:{line}" for line in (2, 4, 5, 6)]
    assert "creation_year is 'soon'" in report.faults[2]


def test_array_that_breaks_off_keeps_what_came_before(tmp_path: Path) -> None:
    text = json.dumps(RECORDS)
    (tmp_path / "a.json").write_text(text[: text.index("second")])
    report = ReadReport()
    assert len(list(stream_passages(tmp_path, report))) == 1
    assert report.broken == 1 and "breaks off" in report.faults[0]


GOOD, OTHER = (json.dumps({"creation_year": year, "content": '{"a"}, [b] \\'}) for year in (1450, 1451))


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
@pytest.mark.parametrize(
    ("text", "broken"),
    [
        (f"[{GOOD}, {{'x': 1}}, {OTHER}]", 1),
        (f'[{GOOD}, {{"creation_year": 1450, "content": }}, {OTHER}]', 1),
        (f'[{GOOD}, {{"creation_year": , "content": 1}}, {{bad}}, {OTHER}]', 2),
        (f'[{GOOD}, {{"creation_year": 1450, "content": "no end}}, {OTHER}]', 1),
        (f'[{GOOD}, {{"creation_year": 1450, "content: "no end"}}, {OTHER}]', 1),
        (f'[{GOOD}, {{"creation_year": 1450, "content": "no brace", {OTHER}]', 1),
        (f'[{GOOD}, {{"creation_year": 1450, "content": "a\nb"}}, {OTHER}]', 1),
        (f'[{GOOD}, {{"creation_year": 1450, "content": "a\\xb"}}, {OTHER}]', 1),
        (f'[{GOOD}, {{"creation_year": {"1" * 5000}, "content": "a"}}, {OTHER}]', 1),
        (f"[{GOOD}, nonsense, {OTHER}]", 1),
        (f"[{GOOD}}}, {OTHER}]", 1),
        (f"[{{x}}, {GOOD}, {OTHER}]", 1),
        (f"[{GOOD}, {OTHER}, {{x}}]", 1),
        (f"[{GOOD}, 12, [1], {OTHER}]", 2),
        (f"[{GOOD}, {OTHER}", 1),
        (f"[{GOOD}][{OTHER}]", 0),
        (f"[{GOOD}]\n{OTHER}\n", 0),
        (f"[{GOOD} {OTHER}]", 0),
    ],
)
def test_a_broken_record_of_an_array_costs_itself(
    text: str, broken: int, chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus_module, "CHUNK", chunk)
    (tmp_path / "a.json").write_text(text)
    report = ReadReport()
    assert [passage.year for passage in stream_passages(tmp_path, report)] == [1450, 1451]
    assert report.broken == broken and len(report.faults) == broken


def test_a_record_nested_without_end_costs_itself(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(f"[{GOOD}, {'[' * 100_000}, {OTHER}]")
    report = ReadReport()
    assert len(list(stream_passages(tmp_path, report))) == 2 and report.broken == 1


@pytest.mark.parametrize(
    "year", ["--1450", "-", "+1450", "1_450", "\u00b9\u2074", "\u2463", "\u0661\u0664", "1" * 5000, "", [], 1e999]
)
def test_an_odd_year_is_a_broken_record(year: object, tmp_path: Path) -> None:
    lines = [json.dumps({"creation_year": year, "content": "x"}), GOOD]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    report = ReadReport()
    assert [passage.year for passage in stream_passages(tmp_path, report)] == [1450]
    assert report.broken == 1 and len(report.faults[0]) < 300


def test_half_a_surrogate_pair_is_mended_and_counted(tmp_path: Path) -> None:
    odd = "cut \ud83d"
    record = {key: odd for key in ("content", "title", "author", "source_dataset", "licence", odd)}
    (tmp_path / "a.jsonl").write_text(json.dumps({"creation_year": 1450, **record}) + "\n" + GOOD)
    report = ReadReport()
    first, _ = stream_passages(tmp_path, report)
    assert {first.text, first.work, first.author, first.source, first.licence} == {"cut \ufffd"}
    assert report.mended == 1 and report.broken == 0


def test_a_century_of_one_stray_document_is_left_out_and_said(tmp_path: Path) -> None:
    rows = [(1450, n) for n in range(6)] + [(1145, 7)]
    lines = [
        json.dumps({"creation_year": y, "content": f"{PROSE * 2}{'abcdefgh'[n]}", "title": f"t{n}"}) for y, n in rows
    ]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines, "{"]))
    texts, report = read_corpus(tmp_path)
    assert list(texts) == ["C015"] and list(report["left_out"]) == ["C012"]
    said = corpus_lines(report)
    assert (
        said[0].startswith("1 broken records skipped, first a.jsonl:8") and "C012 left out: C012 has 1 work" in said[-1]
    )


def test_truncated_gzip_keeps_what_came_before(tmp_path: Path) -> None:
    import random

    lines = [json.dumps({"creation_year": 1500, "content": str(random.Random(n).random()) * 9}) for n in range(2000)]
    data = gzip.compress("\n".join(lines).encode())
    (tmp_path / "a.jsonl.gz").write_bytes(data[: len(data) // 2])
    report = ReadReport()
    assert 100 < len(list(stream_passages(tmp_path, report))) < 2000
    assert report.broken == 1 and "damaged" in report.faults[0]


def test_missing_and_empty_corpora_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such corpus"):
        list(stream_passages(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="holds no HistText file"):
        list(stream_passages(tmp_path))


def test_repairs() -> None:
    assert repair("the king-\ndom of men") == "the kingdom of men"
    assert repair("one\n\nPage 12\n\n[ 13 ]\n\nxiv\n\ntwo") == "one\n\ntwo"
    assert repair("a\nThis eBook is for the use of Project Gutenberg\nb") == "a\nb"
    assert repair("the childâ€™s play") == "the child’s play"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PROSE, None),
        ("He went home.", "too short"),
        (PROSE.replace("e", "•"), "illegible"),
        (PROSE.upper(), "capitals"),
        ("Gallia est omnis divisa in partes tres quarum unam incolunt Belgae aliam Aquitani " * 5, "not English"),
        ("12 345 67 890 1.5 2.5 " * 20 + PROSE, "numerals and signs"),
    ],
)
def test_rejections(text: str, reason: str | None) -> None:
    assert reject(text) == reason


def test_copies_are_dropped_and_counted() -> None:
    counts: Counter[str] = Counter()
    passages = [Passage(1800, PROSE, "s", "w"), Passage(1810, PROSE.replace(",", ";"), "s", "w2")]
    assert len(list(clean_passages(passages, counts))) == 1
    assert counts == {"kept": 1, "copy": 1, "repaired": 0} or counts == {"kept": 1, "copy": 1}


@given(st.text(max_size=300))
def test_cleaning_never_fails_and_is_idempotent_in_what_it_rejects(text: str) -> None:
    reject(repair(text))
    for level in LEVELS:
        normalise(text, level)


def test_spelling_leaves_modern_text_alone() -> None:
    modern = "Every village valued its vines; under heaven I judge justly, and union is useful."
    assert normalise(modern) == modern


def test_held_out_works_are_whole_and_fixed() -> None:
    passages = [Passage(1500 + n % 90, f"{PROSE}{n}", "s", f"work {n % 30}") for n in range(300)]
    text = divide("C016", passages)
    assert text == divide("C016", list(passages))
    assert not {p.work for p in text.training} & {p.work for p in text.held_out}
    assert 0 < len(text.held_out) < 0.2 * len(passages)


def test_draw_is_even_over_works_and_prefers_moral_passages() -> None:
    dull = "The table stands near the window and the lamp hangs over it. "
    passages = [Passage(1500, f"{PROSE if n // 4 % 2 else dull}{n}", "s", f"work {n % 4}") for n in range(80)]
    passages += [Passage(1500, f"{PROSE}{n}", "s", "a very long work") for n in range(500)]
    chosen = draw(passages, 25, seed=1)
    works = Counter(passage.work for passage in chosen)
    assert max(works.values()) == min(works.values()) == 5
    assert sum(moral_density(p.text) > 1 for p in chosen) > 0.6 * len(chosen)
    assert chosen == draw(passages, 25, seed=1) != draw(passages, 25, seed=2)
    assert len(draw(passages[:3], 10, seed=0)) == 10


@pytest.mark.parametrize("packed", [False, True])
def test_a_line_without_end_costs_itself(packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A packed file may unpack to any size: no more of a line than a record may have is ever held."""
    monkeypatch.setattr(corpus_module, "MAX_RECORD", 4096)
    monkeypatch.setattr(corpus_module, "CHUNK", 100)
    held: list[int] = []
    decode = DECODER.decode

    def counted(text: str) -> object:
        held.append(len(text))
        return decode(text)

    monkeypatch.setattr(DECODER, "decode", counted)
    lines = [json.dumps(RECORDS[0]), "a" * 300_000, json.dumps(RECORDS[1]), '{"content": "' + "b" * 5000 + '"}', "  "]
    data = "\n".join([*lines, json.dumps(RECORDS[2])]).encode()
    file = tmp_path / ("a.jsonl.gz" if packed else "a.jsonl")
    file.write_bytes(gzip.compress(data) if packed else data)
    report = ReadReport()
    assert [passage.text for passage in stream_passages(file, report)] == [str(one["content"]) for one in RECORDS]
    assert report.broken == 2 and report.faults[0] == f"{file.name}:2: longer than 4096 characters"
    assert max(held) < 4096


def test_blanks_without_end(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(" " * 100_000 + json.dumps(RECORDS[0]))
    report = ReadReport()
    assert not list(stream_passages(file, report)) and report.faults == ["a.jsonl: begins with 65536 blanks or more"]
