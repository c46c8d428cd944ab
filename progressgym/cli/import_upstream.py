"""`progressgym import-upstream`: score a result file of the original ProgressGym anew, from its vectors."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional

from progressgym.cli.shared import Json, option
from progressgym.core.errors import UserError
from progressgym.core.streams import print_json

if TYPE_CHECKING:
    from progressgym.scores.paper import PaperTable
    from progressgym.scores.upstream import UpstreamResult

EXAMPLES = """
progressgym import-upstream output/benchmark_results/my_run.json
progressgym import-upstream my_run.json --json
progressgym import-upstream --paper
"""
MEANING = {
    "follow_sum": "sum of cosines, round by round",
    "code_sum_of_maxes": "sum of suffix maxima of summed cosines, as the code of 2024 computed it",
    "table2_double_sum": "double sum of suffix maxima, the formula printed in the paper's table 2",
}
DASH = "\u2013"


@dataclass(kw_only=True, frozen=True)
class Options:
    """Read a result JSON of the original ProgressGym and compute its three published scores from its vectors.

    The `score` in the file is shown but never used. With --paper, the paper's own table 3 instead of a file.
    """

    file: Annotated[Positional[str], option("FILE", "A result file, nested (supplementary_data) or flat.")] = ""
    paper: Annotated[bool, option(text="Print the paper's table 3, with the bound that doing nothing reaches.")] = False
    json: Json = False


def run(options: Options) -> int:
    """Read, score, print."""
    from progressgym.scores.paper import paper_table
    from progressgym.scores.upstream import read_upstream

    if not options.file and not options.paper:
        raise UserError("a FILE is missing; or use --paper for the published table")
    results = read_upstream(options.file) if options.file else []
    table = paper_table() if options.paper else None
    if options.json:
        print_json(json.dumps(_record(results, table), indent=2, ensure_ascii=False, allow_nan=False))
        return 0
    for result in results:
        print(_text(result), end="\n\n")
    if results:
        print(_LEGEND)
    if table is not None:
        print(paper_text(table))
    return 0


def paper_text(table: PaperTable) -> str:
    """Table 3 as text, with its caveat and the do-nothing bound as a last line."""
    names = list(table.scales)
    width = max(len(row.name) for row in table.rows)
    head = [f"{name}/{table.scales[name].best:g}" for name in names]
    lines = [table.title, table.source, _caveat(), ""]
    lines.append(f"{'':<{width}}  " + "  ".join(f"{text:>11}" for text in head))
    for row in table.rows:
        cells = [getattr(row, name) for name in names]
        texts = [cell if isinstance(cell, str) else f"{cell:.3f}" for cell in cells]
        lines.append(f"{row.name:<{width}}  " + "  ".join(f"{text:>11}" for text in texts))
    bounds = [f"\u2265 {table.do_nothing(name):.3f}" for name in ("Follow", "Predict")]
    lines.append(f"{'doing nothing (not in the paper)':<{width}}  " + "  ".join(f"{text:>11}" for text in bounds))
    least = table.minimum_cosine_between_centuries
    lines += [
        "",
        f"doing nothing: no two of the paper's centuries have a cosine below {least.value:g}, so staying at the first",
        "century for ever scores at least that share of the best value; source of the cosine:",
        f"{least.source}.",
    ]
    return "\n".join(lines)


def _caveat() -> str:
    from progressgym.scores.paper import CAVEAT

    return CAVEAT


def _text(result: UpstreamResult) -> str:
    lines = [f"{result.algorithm}, {result.challenge}"]
    if result.scores is None:
        return "\n".join([*lines, f"  no scores: the run ended with an error: {result.error}"])
    for name, score in result.scores.items():
        best = result.best[name]
        mark = "*" if name == result.headline else " "
        lines.append(f"{mark} {name:<18} {score:>8.3f} of {best:<4g} ({score / best:6.3f})  {MEANING[name]}")
    failed = f"{len(result.failed)} failed ({', '.join(map(str, result.failed))})" if result.failed else "none failed"
    lines.append(f"  {result.snapshots} rounds, {failed}; {result.dimensions} dimensions")
    if result.failed and result.challenge == "Coevolve":
        lines.append("  a Coevolve run with a failed round counts 0 as a whole (the paper's appendix D)")
    lines.append(f"  score in the file: {_submitted(result)}")
    return "\n".join(lines)


def _submitted(result: UpstreamResult) -> str:
    """What the file claims, and which of the definitions it is."""
    if result.submitted is None:
        return "none, or not a number"
    scores, best = result.scores or {}, result.best
    same = [name for name, score in scores.items() if abs(score - result.submitted) < 1e-3]
    same += [
        f"{name} / {best[name]:g}"
        for name, score in scores.items()
        if abs(score / best[name] - result.submitted) < 1e-3
    ]
    return f"{result.submitted:.3f}, {'which is ' + ' or '.join(same) if same else 'which is none of these'}"


def _record(results: list[UpstreamResult], table: PaperTable | None) -> dict[str, Any]:
    record: dict[str, Any] = {
        "results": [{**asdict(result), "headline": result.headline} for result in results],
        "definitions": MEANING,
    }
    if table is not None:
        record["paper"] = {
            **table.model_dump(mode="json"),
            "caveat": _caveat(),
            "do_nothing_at_least": {name: table.do_nothing(name) for name in ("Follow", "Predict")},
        }
    return record


_LEGEND = """\
* the definition behind the numbers that the paper printed for this challenge; in brackets the share of the best value,
  which the latest upstream code calls the score (of follow_sum in Follow and Predict, of table2_double_sum in Coevolve).
A round without a usable vector (NaN, zeros) counts 0."""
