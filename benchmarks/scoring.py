"""How fast a model's values are read: our whole cloze reading against lm-evaluation-harness, in one run.

    python benchmarks/scoring.py --limit 60      # items; about two minutes on two quiet cores
    python benchmarks/scoring.py                 # the whole instrument

Same model object, items, number format, threads and process. Both sides score every context + framing + option, and
every option after the neutral context, tokenising included. lm-evaluation-harness (`HFLM.loglikelihood`) is given its
best of three batch sizes; ours runs before and after it, and the mean counts. Then the highest rate of three named
matrix products is measured in the same number format, and, in float32 on a few items, the largest difference between
the two sides' answers.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import os
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BATCH_SIZES = (1, 8, 32)
SHAPES = {"square": (2048, 2048, 2048), "wide": (1024, 4096, 4096), "layer": (2048, 576, 1536)}
"""Named matrix products (M, K, N), as (M, K) @ (K, N)."""
FLOAT32_ITEMS = 8
SPEED_BAR, SHARE_BAR, DIFFERENCE_BAR = 2.0, 0.60, 1e-3


@dataclass(kw_only=True)
class Work:
    """What is scored."""

    contexts: list[str]
    framings: tuple[str, ...]
    options: list[list[str]]
    neutral: str
    temperature: float

    def pairs(self) -> list[tuple[str, str]]:
        """Every (text before, option) on its own: items, then the neutral context."""
        calls = [*zip(self.contexts, self.options, strict=True), (self.neutral, self.flat())]
        return [(c + f, option) for c, texts in calls for f in self.framings for option in texts]

    def flat(self) -> list[str]:
        """The options of all items."""
        return [option for texts in self.options for option in texts]

    def tables(self, means: Sequence[float]) -> list[NDArray[np.float64]]:
        """Scores in the order of `pairs` as (F, K_i) tables, the last one neutral."""
        tables, at = [], 0
        for texts in [*self.options, self.flat()]:
            size = len(self.framings) * len(texts)
            tables.append(np.array(means[at : at + size]).reshape(len(self.framings), len(texts)))
            at += size
        return tables

    def answers(self, tables: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Choice probabilities of all options, flat."""
        found, at = [], 0
        for table in tables[:-1]:
            scores = (table - tables[-1][:, at : at + table.shape[1]]) / self.temperature
            weights = np.exp(scores - scores.max(1, keepdims=True))
            found.append((weights / weights.sum(1, keepdims=True)).mean(0))
            at += table.shape[1]
        return np.concatenate(found)


@dataclass(kw_only=True)
class Run:
    """One side's reading."""

    tables: list[NDArray[np.float64]]
    seconds: float
    cpu_seconds: float
    unique: int = 0
    plain: int = 0
    predicting: int = 0


def load_work(name: str, limit: int) -> Work:
    """Items of an instrument, evenly spaced when there is a limit."""
    from progressgym.instruments.questionnaire import Questionnaire

    instrument = Questionnaire.load(name)
    items = list(instrument.items)
    if 0 < limit < len(items):
        items = [items[place] for place in np.linspace(0, len(items) - 1, limit).astype(int)]
    return Work(
        contexts=[item.text for item in items],
        framings=tuple(instrument.config.framings),
        options=[[f" {option}" for option in item.options] for item in items],
        neutral=instrument.config.neutral_context,
        temperature=instrument.config.temperature,
    )


def ours(model: object, work: Work) -> Run:
    """Our reading: the items' trees, then the neutral tree."""
    from progressgym.models.language_model import LanguageModel

    assert isinstance(model, LanguageModel)
    start, cpu = time.perf_counter(), time.process_time()
    tables = model.framed_option_logprobs(work.contexts, work.framings, work.options)
    stats = [model.last_stats]
    tables += model.framed_option_logprobs([work.neutral], work.framings, [work.flat()])
    stats.append(model.last_stats)
    run = Run(tables=tables, seconds=time.perf_counter() - start, cpu_seconds=time.process_time() - cpu)
    for part in stats:
        assert part is not None
        run.unique, run.plain = run.unique + part.unique_tokens, run.plain + part.plain_tokens
        run.predicting += part.predicting_tokens
    return run


def theirs(model: object, work: Work, batch_size: int) -> Run:
    """The same texts through lm-evaluation-harness; its sums are divided by our token counts afterwards."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    from progressgym.models.language_model import LanguageModel

    assert isinstance(model, LanguageModel)
    with contextlib.redirect_stderr(io.StringIO()):
        harness = HFLM(
            pretrained=model.model, tokenizer=model.tokenizer, batch_size=batch_size, device=str(model.device)
        )
        requests = [
            Instance(request_type="loglikelihood", doc={}, arguments=pair, idx=number)
            for number, pair in enumerate(work.pairs())
        ]
        start, cpu = time.perf_counter(), time.process_time()
        replies = harness.loglikelihood(requests, disable_tqdm=True)
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    tokens = model.tokenizer([option for _, option in work.pairs()], add_special_tokens=False)["input_ids"]
    means = [float(reply[0]) / len(ids) for reply, ids in zip(replies, tokens, strict=True)]
    return Run(tables=work.tables(means), seconds=seconds, cpu_seconds=cpu_seconds)


def peaks(dtype: object, seconds: float = 2.0) -> dict[str, tuple[float, float]]:
    """Highest rate of each named matrix product in GFLOP/s, by the clock and by processor time."""
    import torch

    assert isinstance(dtype, torch.dtype)
    rates = dict.fromkeys(SHAPES, (0.0, 0.0))
    with torch.inference_mode():
        for name, (rows, inner, columns) in SHAPES.items():
            left, right = torch.randn(rows, inner).to(dtype), torch.randn(columns, inner).to(dtype)
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                start, cpu = time.perf_counter(), time.process_time()
                torch.nn.functional.linear(left, right)
                work = 2 * rows * inner * columns / 1e9
                took, cpu = time.perf_counter() - start, (time.process_time() - cpu) / torch.get_num_threads()
                rates[name] = (max(rates[name][0], work / took), max(rates[name][1], work / cpu))
    return rates


def work_per_token(model: object) -> tuple[float, float]:
    """Floating-point operations of the layers' matrices for a token, and of the output head for a position."""
    from progressgym.models.language_model import LanguageModel

    assert isinstance(model, LanguageModel)
    layers = sum(p.numel() for name, p in model.model.named_parameters() if ".layers." in name and p.dim() == 2)
    return 2.0 * layers, 2.0 * model.model.get_output_embeddings().weight.numel()


def main() -> int:
    """Measure and print; exit code 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m", help="anything load_model takes")
    parser.add_argument("--instrument", default="moral19-v1")
    parser.add_argument("--limit", type=int, default=0, help="number of items; 0 means all")
    parser.add_argument("--dtype", default="auto", help="auto, bfloat16 or float32")
    parser.add_argument("--threads", type=int, default=0, help="0 means torch's default")
    parser.add_argument("--float32-items", type=int, default=FLOAT32_ITEMS)
    chosen = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # lm-evaluation-harness would look for the model's name there

    if importlib.util.find_spec("lm_eval") is None:
        parser.error("lm-evaluation-harness is not installed; run: pip install lm-eval")

    import torch

    from progressgym.models import load_language_model

    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    work = load_work(chosen.instrument, chosen.limit)
    model = load_language_model(chosen.model, device="cpu", dtype=chosen.dtype)
    print(f"{chosen.model} in {model.dtype}, {len(work.contexts)} items, {torch.get_num_threads()} threads")
    rates = peaks(model.dtype)
    ours(model, load_work(chosen.instrument, 2))  # warm up
    first = ours(model, work)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # Linux counts in KiB
    print(f"ours: {first.seconds:.1f} s, peak memory {memory:.1f} GiB", flush=True)
    harness = {}
    for size in BATCH_SIZES:
        harness[size] = theirs(model, work, size)
        print(f"lm-evaluation-harness, batches of {size}: {harness[size].seconds:.1f} s", flush=True)
    last = ours(model, work)
    print(f"ours again: {last.seconds:.1f} s")
    rates = {name: (max(a, rates[name][0]), max(b, rates[name][1])) for name, (a, b) in peaks(model.dtype).items()}
    return report(work, model, rates, (first, last), harness, chosen)


def report(
    work: Work,
    model: object,
    rates: dict[str, tuple[float, float]],
    runs: tuple[Run, Run],
    harness: dict[int, Run],
    chosen: argparse.Namespace,
) -> int:
    """Print the ratios, then compare answers in float32."""
    import torch

    from progressgym.models import load_language_model

    seconds, cpu = (float(np.mean([getattr(run, name) for run in runs])) for name in ("seconds", "cpu_seconds"))
    best = min(harness, key=lambda size: harness[size].seconds)
    ratio = harness[best].seconds / seconds
    layers, head = work_per_token(model)
    unique, predicting, threads = runs[0].unique, runs[0].predicting, torch.get_num_threads()
    shapes = (f"{name} {SHAPES[name]} {rate:.0f}" for name, (rate, _) in rates.items())
    print(f"\nmatrix products, GFLOP/s: {', '.join(shapes)}")
    print(f"speed ratio {ratio:.2f} (bar {SPEED_BAR}, goal 3); in processor time {harness[best].cpu_seconds / cpu:.2f}")
    print(f"tokens alone / unique {runs[0].plain} / {unique} = {runs[0].plain / unique:.2f}")
    print(f"{unique / seconds:.0f} unique tokens a second, {runs[0].plain / seconds:.0f} counted alone")
    peak, peak_cpu = (max(rate[kind] for rate in rates.values()) for kind in (0, 1))
    share, with_head = (work / seconds / 1e9 / peak for work in (layers * unique, layers * unique + head * predicting))
    share_cpu = layers * unique / (cpu / threads) / 1e9 / peak_cpu
    print(f"share of the matrix peak in unique tokens, layers only: {share:.0%} (bar {SHARE_BAR:.0%}); ", end="")
    print(f"in processor time {share_cpu:.0%}; with the output head where it predicts {with_head:.0%}")
    in_bfloat = np.abs(work.answers(runs[0].tables) - work.answers(harness[best].tables)).max()
    print(f"largest difference of answers in {getattr(model, 'dtype', '')}: {in_bfloat:.1e}")
    small = load_work(chosen.instrument, chosen.float32_items)
    exact = load_language_model(chosen.model, device="cpu", dtype="float32")
    mine, other = ours(exact, small), theirs(exact, small, 8)
    scores = max(float(np.abs(a - b).max()) for a, b in zip(mine.tables, other.tables, strict=True))
    answers = float(np.abs(small.answers(mine.tables) - small.answers(other.tables)).max())
    print(f"in float32: answers {answers:.1e} apart (bar {DIFFERENCE_BAR}), mean log-probabilities {scores:.1e}")
    missed = [
        name
        for name, met in (
            ("speed", ratio >= SPEED_BAR),
            ("share of the peak", share >= SHARE_BAR),
            ("equality", max(answers, scores) <= DIFFERENCE_BAR),
        )
        if not met
    ]
    print("all bars met" if not missed else f"missed: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
