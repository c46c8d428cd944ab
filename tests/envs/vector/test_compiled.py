"""Kernels against the formulas of numpy that they stand in for, and what happens where numba or its cache is missing."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from progressgym.core.dimensions import DIMENSIONS
from progressgym.envs.arrays import NumpyArrays
from progressgym.envs.comparison_evidence import VoteEvidence
from progressgym.envs.odds import OddsReadout
from progressgym.envs.vector import tracking
from progressgym.envs.vector.batch_scores import Targets, as_columns, compare, targets
from progressgym.envs.vector.compiled import NumbaArrays
from progressgym.envs.vector.compiled.kernel import HERE, SOURCES
from progressgym.envs.vector.compiled.pcg import advance, fill
from progressgym.envs.vector.compiled.votes import Votes
from progressgym.envs.vector.streams import Streams
from progressgym.preferences.comparisons import RNG_SCHEMES, SHORT_SCHEME, short_bounds, short_draws
from tests.envs.rollout import LINEAR
from tests.envs.vector.reference import assert_same_story, native

STANCE = "ProgressGym/FollowStance-v1"
D = len(DIMENSIONS)
SEEDS = st.integers(0, 2**32 - 1)


@settings(deadline=None, max_examples=40)
@given(
    SEEDS, st.integers(0, 12), st.integers(0, 4), st.integers(1, 3), st.sampled_from([1, 2, 255, 258]), st.booleans()
)
def test_values_are_those_of_numpy(seed: int, two: int, wide: int, rows: int, envs: int, own: bool) -> None:
    """Of any items: with none, with options that do not exist, around one base and around each environment's own."""
    rng = np.random.default_rng(seed)
    exponents = rng.integers(-2, 3, (two, D)) * (rng.random((two, D)) < 0.2)
    share = rng.normal(size=(two, D)) * (rng.random((two, D)) < 0.2)
    loadings, weights = rng.normal(size=(2, rows, D)) * (rng.random((2, rows, D)) < 0.3)
    bases = envs if own else 1
    totals = np.exp(rng.normal(size=(bases, wide, rows))) * (rng.random((wide, rows)) < 0.7)
    totals[..., 0] += 1e-3  # some option exists
    theta, logits, constant = rng.uniform(-1, 1, (envs, D)), rng.normal(size=(bases, two)), rng.normal(size=D)
    for arrays, tolerance in ((NumpyArrays("float64"), 1e-12), (NumpyArrays("float32"), 1e-4)):
        blocks, dtype = list(arrays.blocks(envs)), arrays.dtype
        by_numpy, by_kernel = (
            readout.values(theta.astype(dtype), readout.odds(logits, totals), blocks)
            for readout in (
                OddsReadout(exponents, share, constant, loadings, weights, 2.0, dtype, compiled)
                for compiled in (False, True)
            )
        )
        assert by_kernel.dtype == dtype
        np.testing.assert_allclose(by_kernel, by_numpy, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", ["any", "still", "nowhere", "at the start"])
def test_scores_are_those_of_numpy(dtype: str, case: str) -> None:
    """With a human who does not move, values that are all 0, and an agent who does not move."""
    rng = np.random.default_rng(0)
    goal = rng.normal(size=(1, 4, D))
    start = goal[:, :1] if case == "still" else rng.normal(size=(1, 1, D))
    if case == "still":
        goal = np.broadcast_to(start, goal.shape)
    values = {"nowhere": np.zeros((7, D)), "at the start": np.repeat(start[0], 7, 0)}.get(case, rng.normal(size=(7, D)))
    results = []
    for arrays in (NumpyArrays(dtype), NumbaArrays(dtype)):
        table = targets(arrays, goal, start, np.zeros((1, 4)))
        step = Targets(*(as_columns(arrays, entry[:, 2]) for entry in table))
        results.append(compare(arrays, arrays.floats(values), step, 17))
    for by_numpy, by_kernel in zip(*results, strict=True):
        assert by_kernel.dtype == by_numpy.dtype
        np.testing.assert_allclose(by_kernel, by_numpy, atol=1e-12 if dtype == "float64" else 1e-5)


@settings(deadline=None, max_examples=20)
@given(SEEDS, st.integers(0, 2000))
def test_numbers_are_those_of_the_generator(seed: int, steps: int) -> None:
    """Drawn and skipped, states included."""
    streams = Streams(1)
    streams.seed(seed, np.arange(1))
    states, generator = streams.states(np.arange(1)), np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    words = np.empty(50, dtype=np.uint64)
    for _ in range(2):
        advance(states[0], steps)
        fill(states[0], words)
        generator.bit_generator.advance(steps)  # type: ignore[attr-defined]
        np.testing.assert_array_equal(words, generator.bit_generator.random_raw(50))
    streams.moved(np.arange(1), states)
    assert streams[0].random() == generator.random()


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.sampled_from([1, 3, 4, 63, 64, 65, 130]), st.integers(2, 5), st.integers(0, 2), st.booleans())
@pytest.mark.parametrize("scheme", RNG_SCHEMES)
def test_votes_are_those_of_single_environments(
    scheme: str, seed: int, queries: int, centuries: int, unread: int, own: bool
) -> None:
    """Bit for bit, and their evidence, with numbers that fill their last word or do not, and with each row's probabilities."""
    rng = np.random.default_rng(seed)
    differences = rng.integers(-2, 3, (queries, D)) * (rng.random((queries, D)) < 0.3)
    total, rows = centuries + unread, 3
    preferred = np.clip(rng.beta(0.3, 0.3, (rows if own else 1, centuries, queries)), 1e-4, 1 - 1e-4)
    preferred.flat[0] = 0.5
    streams, generators = Streams(rows), Streams(rows)
    for each in (streams, generators):
        each.seed(seed, np.arange(rows))
    votes = Votes(differences.astype(float), total, centuries, scheme, 5)
    states = streams.states(np.arange(rows))
    packed = votes.draw(states, votes.bounds(preferred))
    streams.moved(np.arange(rows), states)
    expected = np.stack(
        [drawn(generators[row], preferred[row if own else 0], total, scheme) for row in range(rows)]
    ).astype(np.float32)
    np.testing.assert_array_equal(votes.labels(packed), expected)
    np.testing.assert_array_equal(votes.labels(packed[1:]), expected[:, 1:])
    read = VoteEvidence(differences.astype(float))(expected)
    np.testing.assert_array_equal(votes.evidence(packed), read.astype(np.float32))
    assert [streams[row].random() for row in range(rows)] == [generators[row].random() for row in range(rows)]


def drawn(rng: np.random.Generator, preferred: NDArray[np.float64], centuries: int, scheme: str) -> NDArray[np.bool_]:
    """Votes (t, Q) of one row after 5 numbers, as a single environment draws them for all centuries."""
    read, queries = preferred.shape
    rng.random(5)
    if scheme == SHORT_SCHEME:
        return short_draws(rng, centuries * queries).reshape(centuries, queries)[:read] < short_bounds(preferred)
    others = rng.random((centuries - 1, queries))
    return np.concatenate([rng.random((1, queries)), others])[:read] < preferred


def test_streams_change_hands() -> None:
    """Kernels and generators in turn, and a new seed, go on where the other stopped."""
    streams, alone = Streams(3), Streams(3)
    rows, some = np.arange(3), np.array([0, 2])
    words = np.empty(4, dtype=np.uint64)
    for each in (streams, alone):
        each.seed(8, rows)
        each.skip(some, 3)
    for _ in range(2):
        states = streams.states(some)
        for state, row in zip(states, some.tolist(), strict=True):
            fill(state, words)
            np.testing.assert_array_equal(words, alone[row].bit_generator.random_raw(4))
        streams.moved(some, states)
        for each in (streams, alone):
            each.skip(rows, 2)
        assert streams[2].random() == alone[2].random()
    for each in (streams, alone):
        each.seed([1, None, None], rows)
    assert [streams[row].random() for row in range(3)] == [alone[row].random() for row in range(3)]


def test_generators_are_where_numpy_left_them() -> None:
    arguments: dict[str, Any] = {"history": LINEAR, "labels": "sample"}
    sides = [native(STANCE, 2, "next_step", **arguments, array_backend=name) for name in ("numpy", "numba")]
    for envs in sides:
        envs.reset(seed=3)
    first, second = ([generator.random() for generator in envs.np_random] for envs in sides)
    assert first == second
    np.testing.assert_array_equal(*(envs.reset()[0] for envs in sides))


def test_few_rows_on_many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that begin are not cut into blocks of one, which would pass for what all rows share."""
    monkeypatch.setattr(tracking, "cores", lambda: 8)
    assert_same_story(STANCE, "next_step", 5, array_backend="numba", history=LINEAR, labels="sample")


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Lines in an interpreter of their own."""
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)


def step(back_end: str) -> str:
    """Lines that make environments and take a step."""
    return (
        "import sys, gymnasium, progressgym\n"
        f"envs = gymnasium.make_vec('{STANCE}', num_envs=2, history={LINEAR!r}, array_backend='{back_end}')\n"
        "envs.reset(seed=0); envs.step(envs.action_space.sample())\n"
    )


def test_numba_is_loaded_when_asked_for_alone() -> None:
    done = run(step("numpy") + "assert not {'numba', 'llvmlite'} & set(sys.modules)")
    assert done.returncode == 0, done.stderr


def test_without_numba_one_line_says_what_to_install() -> None:
    done = run("import sys; sys.modules['numba'] = None\n" + step("numba"))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("array_backend='numba' needs numba: pip install 'progress-gym[numba]'")


def test_without_a_place_for_its_cache_it_works() -> None:
    """As on a file system that may only be read: then kernels are compiled in every process."""
    done = run(
        "import tempfile, numpy as np\n"
        "def refused(*args, **others): raise PermissionError('read-only')\n"
        "tempfile.TemporaryFile = refused\n"
        "from progressgym.envs.vector.compiled.pcg import high_product\n"
        "assert high_product(np.uint64(2**63), np.uint64(6)) == 3 and high_product.stats.cache_path is None"
    )
    assert done.returncode == 0, done.stderr


def test_a_full_disk_costs_the_cache_alone(tmp_path: Path) -> None:
    done = run(
        f"import os, resource, signal; os.environ['NUMBA_CACHE_DIR'] = {str(tmp_path)!r}\n"
        "import numpy as np\n"
        "from progressgym.envs.vector.compiled.pcg import high_product\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))\n"
        "assert high_product(np.uint64(2**63), np.uint64(6)) == 3 and high_product.stats.cache_path is not None"
    )
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.rglob("*.nbc"))


def test_a_new_constant_is_a_new_kernel() -> None:
    """Whatever number a kernel takes from elsewhere is part of the name under which it is kept."""
    for path in HERE.glob("*.py"):
        imports = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ImportFrom)]
        for node in imports:
            if node.module is None or not node.module.startswith("progressgym.") or ".compiled" in node.module:
                continue
            module = importlib.import_module(node.module)
            numbers = any(isinstance(getattr(module, alias.name), (int, float)) for alias in node.names)
            place = HERE.parents[2] / f"{node.module.removeprefix('progressgym.').replace('.', '/')}.py"
            assert not numbers or place in SOURCES, (path.name, node.module)
