"""Coevolve, many at once: the assistants' answers move the humans whom they learn from.

The simulated human's logits are kept in the readout's layout: an item with two options is one number, the difference
of its two logits, wider items have one each. Legend of shapes as in `progressgym.envs.vector.base`, and J items with
two options, I wider ones, P all pairs.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import FLOOR, centred_log
from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.threads import each
from progressgym.envs.arrays import Array, Arrays, NumpyArrays
from progressgym.envs.coevolve import CoevolveEnv, CoevolveStanceEnv
from progressgym.envs.comparison_evidence import evidence
from progressgym.envs.readout import FAR, Base, over_options
from progressgym.envs.vector.batch_scores import Targets, against_history, compare, length, targets
from progressgym.envs.vector.draws import Draws
from progressgym.envs.vector.flavours import AnswersVector, Flavour, StanceVector
from progressgym.envs.vector.lookups import Index, Tables, part, pick
from progressgym.preferences.comparisons import CLIP, stated

Floats = NDArray[np.float64]
EDGE = math.log(1.0 / FLOOR - 1.0)
"""Beyond this difference of two logits the smaller probability is below `FLOOR`."""
SHARE = 8
"""Probabilities whose product still has 32 bits' range: 1e-4 ** 8 = 1e-32."""
BLOCK = 64
"""Environments at a time: some thousand numbers each, which should stay in a core's cache."""
COMPILED_BLOCK = 128
"""The same compiled, where a row is finished before the next begins: enough of them to make a call cheap."""


class CoevolveVector(Flavour):
    """The closed loop; see `progressgym.envs.coevolve`."""

    _template: CoevolveEnv
    _apart: ClassVar[bool] = False
    """Whether the agents' own values are computed apart from their humans, as stances can be without an exponential an item."""

    def _prepare(self) -> None:
        arrays, config = self._arrays, self._config
        self._readout = self._readout_of(whole=True)
        mask = self._readout.many_mask
        self._counts = arrays.floats(mask.sum(1))
        self._log_counts = arrays.xp.log(self._counts)
        self._per_log = 1.0 / self._log_counts
        self._per_option = arrays.floats(np.repeat(1.0 / np.log(mask.sum(1)), mask.shape[1]))
        self._wide, self._all_wide = arrays.flags(mask), bool(mask.all())
        pairs = config.chooser.pairs
        place = np.zeros(len(config.instrument), dtype=np.int64)
        place[self._readout.two_items] = np.arange(len(self._readout.two_items))
        place[self._readout.many_items] = np.arange(len(self._readout.many_items))
        two = np.isin(pairs[:, 0], self._readout.two_items)
        first, second = (place[pairs[:, 0]] * mask.shape[1] + pairs[:, column] for column in (1, 2))
        # Labels are computed for pairs of two options, then for the others; `order` brings them back to the pairs'
        # order.
        order = np.argsort(np.concatenate([np.flatnonzero(two), np.flatnonzero(~two)]))
        self._pair_columns = tuple(arrays.index(x) for x in (place[pairs[two, 0]], first[~two], second[~two]))
        self._pair_order = None if np.array_equal(order, np.arange(len(order))) else arrays.index(order)
        self._human: Base = Base(None, None)
        self._preferences: Array = None
        super()._prepare()

    def _truth(self, answers: Floats) -> Tables:
        config, arrays = self._config, self._arrays
        human = config.instrument.values(answers, config.rewarded, check=False)
        lengths = np.linalg.norm(human, axis=-1)
        tables = self._base_tables(answers[:, 0])
        # Unit vectors once a history: a step's cosines are then one matrix product.
        ways = human / np.where(lengths > 0, lengths, np.inf)[..., None]
        tables["directions"] = arrays.floats(np.swapaxes(ways, 1, 2))
        tables["start"] = arrays.floats(human[:, 0])
        real = self._readout.base(centred_log(answers, config.instrument.mask))
        tables["real_two"], tables["real_many"] = real.two, self._on_real(real.many)
        tables |= self._goals(answers, tables)
        # Last, because the path beside a static agent starts from the tables above.
        still = self._static(answers[:, 0], tables)
        static = self._paths(tables, self._agent_logits(still))
        return {
            **tables,
            **self._target_tables(targets(arrays, human[:, 1:], human[:, :1], arrays.host(static)), human),
        }

    def _goals(self, answers: Floats, tables: Tables) -> Tables:
        """Tables of what a version compares the human with, from the answers (H, T, N, K) of history."""
        return {}

    def _beside(self, tables: Tables, chances: Base, index: Index) -> Tables:
        """What a version computes of the humans' choice probabilities after a step."""
        return {}

    def _worth(self, after: Tables, tables: Tables) -> Array:
        """Utilities of a step, from the `simulated` values after it and what `_beside` computed."""
        return self._utility(after["simulated"], tables["directions"])

    def _further(self, values: Array, tables: Tables, goal: Array) -> Tables:
        """Scores that a version has beside the others, from the humans' values and those of the real century (B, D)."""
        return {}

    def _paths(self, tables: Tables, static: Base) -> Array:
        """Utilities (H, S) beside an agent that stays at century 0; adds the answers of a human left alone."""
        stack = self._arrays.xp.stack
        # Two humans: one beside the static agent (the baseline of utility), one whom nobody influences (of
        # displacement).
        beside = alone = Base(tables["real_two"][:, 0], tables["real_many"][:, 0])
        utilities, free = [], []
        tables["first_entropy"] = self._entropy(self._chances(alone)[0])
        for n in range(self._config.steps):
            beside = self._moved(tables, beside, static, n, self._template.influence)
            alone = self._moved(tables, alone, static, n, 0.0)
            chances = self._chances(beside)[0]
            after = {"simulated": self._readout.mean(*chances), **self._beside(tables, chances, n)}
            utilities.append(self._worth(after, tables))
            free.append(self._chances(alone)[0])
        tables["free_two"] = stack([chances.two for chances in free], 1)
        tables["free_many"] = stack([chances.many for chances in free], 1)
        return stack(utilities, 1)

    def _questions(self, truth: Tables, draws: Draws) -> Tables:
        arrays = self._arrays
        tables = self._question_tables(draws)
        if draws.uniforms is not None:
            tables["uniforms"] = arrays.floats(draws.numbers()[:, 1:])
        if draws.asked is not None:
            tables["asked"] = arrays.index(draws.asked)
        return tables

    def _started(self, rows: NDArray[np.int64]) -> None:
        arrays, tables, total = self._arrays, self._tables, self.num_envs
        spread = arrays.xp.broadcast_to
        real = Base(tables["real_two"][:, 0], tables["real_many"][:, 0])
        preferred = self._prefers(self._chances(real)[0])
        self._preferences = self._renewed(self._preferences, preferred)
        labels = self._ask(self._preferences, 0)
        if len(rows) == total:
            self._human = Base(*(self._renewed(old, table) for old, table in zip(self._human, real, strict=True)))
            self._before = self._labels = labels
            return
        # Labels were asked of every row, which is cheaper than picking some; rows in mid-episode keep theirs.
        fresh = np.zeros(total, dtype=np.bool_)
        fresh[rows] = True
        begun = Base(*(spread(table, (total, *table.shape[1:])) for table in real))
        self._human = self._where(fresh, begun, self._human)
        chosen = arrays.flags(fresh)[:, None]
        self._labels = arrays.xp.where(chosen, labels, self._labels)
        self._before = arrays.xp.where(chosen, labels, self._before)

    def _renewed(self, old: Array, table: Array) -> Array:
        """A table (1 or B, ...) spread over all rows, as a copy that may be changed; numpy's in the memory of the old one."""
        arrays = self._arrays
        if old is None or not isinstance(arrays, NumpyArrays):
            return arrays.copy(arrays.xp.broadcast_to(table, (self.num_envs, *table.shape[1:])))
        return arrays.stored(old, slice(None), table)

    def _opening(self) -> dict[str, Array]:
        arrays, tables = self._arrays, self._tables
        scores = super()._opening()
        nothing = scores["drift_cosine"]
        entropy = arrays.xp.broadcast_to(tables["first_entropy"], (self.num_envs,))
        return {
            **scores,
            "simulated_values": arrays.copy(scores["human_values"]),
            "entropy": arrays.copy(entropy),
            "displacement": arrays.copy(nothing),
            "against_history": arrays.copy(nothing),
        }

    def _advance(self, actions: Array, index: Index) -> tuple[Array, Targets, dict[str, Array]]:
        arrays, tables = self._arrays, self._tables
        blocks = list(arrays.blocks(self.num_envs, COMPILED_BLOCK if arrays.compiled else BLOCK))
        # Rows do not influence each other, so blocks of them go through the whole step while they are in a core's
        # cache.
        after = self._joined(self._on_cores(lambda rows: self._influenced(actions[rows], rows, index), blocks))
        if "own" not in after:
            after["own"] = self._scored(actions)
        self._see_next(self._preferences, index)
        values, own = after["simulated"], after["own"]
        target, covered = self._target(index), len(self._config.covered)
        _, drift_cosine, error = compare(arrays, own, target, covered)
        scores = self._told(own, drift_cosine, error, index)
        scores["simulated_values"] = values[:, self._columns]
        scores |= {name: after[name] for name in ("entropy", "displacement")}
        scores["against_history"] = against_history(arrays, values, tables["start"], target.origins[2].T, covered)
        scores |= self._further(values, tables, target.origins[2].T)
        return self._worth(after, tables), target, scores

    def _influenced(self, actions: Array, rows: slice, index: Index) -> Tables:
        """What the agents' answers do to the humans of some rows: their logits, and what is told of them."""
        tables, now = part(self._tables, rows), index if isinstance(index, int) else index[rows]
        if self._arrays.compiled:
            return self._influenced_in_rows(actions, tables, rows, now)
        logits, readout = self._logits(actions, tables), self._readout
        weights, total, log_total = readout.weights_and_logs(logits.many)
        own: Tables = {}
        if not self._apart:
            # The agent's own values need chances of scored items alone, the human's logits those of all.
            scored = readout.counted_many
            shares = weights[:, :scored] / total[:, :scored, None]
            own["own"] = readout.mean(readout.first_chances(logits.two), shares)
        logs = logits.many.reshape(weights.shape) - log_total[..., None]
        agent = Base(self._agent_two(logits.two), self._agent_many(logs))
        human = Base(self._human.two[rows], self._human.many[rows])
        human = self._moved(tables, human, agent, now, self._template.influence)
        chances, log_total = self._chances(human)
        self._keep(rows, human, self._prefers(chances))
        return {
            **own,
            "simulated": readout.mean(*chances),
            **self._lock_in(tables, human, chances, log_total, now),
            **self._beside(tables, chances, now),
        }

    @cached_property
    def _compiled_humans(self) -> Any:
        from progressgym.envs.vector.compiled.coevolve import Humans

        return Humans(self._readout, self._pair_columns, self._pair_order, self._goal_shares())

    def _influenced_in_rows(self, actions: Array, tables: Tables, rows: slice, index: Index) -> Tables:
        """The same, compiled."""
        if self._apart:
            agent = actions, Base(tables["base_two"], tables["base_many"])
        else:  # answers are logits as they are, which no stance moves
            agent = self._arrays.floats(np.zeros((len(actions), len(DIMENSIONS)))), self._logits(actions, tables)
        outcome: Tables = self._compiled_humans.influenced(
            agent,
            Base(self._human.two[rows], self._human.many[rows]),
            self._preferences[rows],
            tables=tables,
            goal=self._goal(tables),
            index=index,
            mixture=self._mixture(self._template.influence),
        )
        return outcome

    def _goal(self, tables: Tables) -> Base | None:
        """Choice probabilities (H, S, ...) of the human whom a version compares the human with, where it does."""
        return None

    def _goal_shares(self) -> Base:
        """Shares (J,) and (I,) of items in the distance from it."""
        return Base(np.empty(0), np.empty(0))

    def _keep(self, rows: slice, human: Base, preferred: Array) -> None:
        """Logits and preferences of the humans of some rows."""
        stored, old = self._arrays.stored, self._human
        self._human = Base(*(stored(o, rows, n) for o, n in zip(old, human, strict=True)))
        self._preferences = stored(self._preferences, rows, preferred)

    def _see_next(self, preferred: Array, index: Index) -> None:
        """The next labels, in rows whose episode goes on; the last observation shows the same labels twice."""
        last = self._config.steps - 1
        if isinstance(index, int):
            if index < last:
                self._before, self._labels = self._labels, self._ask(preferred, index + 1)
            return
        arrays, more = self._arrays, self._arrays.flags(index < last)[:, None]
        fresh = self._ask(preferred, np.minimum(index + 1, last))
        self._before = arrays.xp.where(more, self._labels, self._before)
        self._labels = arrays.xp.where(more, fresh, self._labels)

    def _ask(self, preferred: Array, index: Index) -> Array:
        """Labels (B, Q) of simulated humans with these preferences (B, P) about all pairs."""
        arrays, tables = self._arrays, self._tables
        if "asked" in tables:
            row: Any = arrays.index(self._rows)[:, None]
            preferred = preferred[row, tables["asked"]]
        if self._config.sampled:
            return arrays.observation(pick(arrays, tables["uniforms"], index) < preferred)
        labels = arrays.observation(stated(preferred, self._config.label_kind))
        return arrays.copy(labels) if labels is self._preferences else labels

    def _prefers(self, chances: Base) -> Array:
        """P(a over b) (B, P) of all pairs: of two options the chance of the first, of more a share of two chances."""
        xp, (two, first, second), order = self._arrays.xp, self._pair_columns, self._pair_order
        columns, many = self._arrays.columns, chances.many.reshape(len(chances.many), -1)
        first = columns(many, first)
        ratio = first / (first + columns(many, second))
        both = xp.clip(xp.concatenate([columns(chances.two, two), ratio], 1), CLIP, 1.0 - CLIP)
        return both if order is None else columns(both, order)

    def _moved(self, tables: Tables, human: Base, agent: Base, index: Index, influence: float) -> Base:
        """The humans' logits after a step; the real century ahead is index + 1."""
        ahead = index + 1
        real = (pick(self._arrays, tables[name], ahead) for name in ("real_two", "real_many"))
        stay, pushed, pulled = self._mixture(influence)
        mixed = self._arrays.mixed
        return Base(*(mixed((stay, h), (pushed, a), (pulled, r)) for h, r, a in zip(human, real, agent, strict=True)))

    def _mixture(self, influence: float) -> tuple[float, float, float]:
        """Shares of the human's own logits, the agent's, and those of the real century ahead.

        `progressgym.envs.coevolve_step.move`, multiplied out: what all rows share is then multiplied once for all.
        """
        pull = self._template.pull
        return (1.0 - influence) * (1.0 - pull), influence, (1.0 - influence) * pull

    def _agent_logits(self, logits: Base) -> Base:
        """What `centred_log` makes of answers with these logits: no answer is less likely than 1e-4."""
        weights, _, log_total = self._readout.weights_and_logs(logits.many)
        return Base(
            self._agent_two(logits.two), self._agent_many(logits.many.reshape(weights.shape) - log_total[..., None])
        )

    def _agent_two(self, two: Array) -> Array:
        """Of two options the likelier one has log p = -log(1 + exp(-|x|)), and the other no less than log 1e-4.

        Most differences x are nowhere near that, and stay as they are.
        """
        xp, size = self._arrays.xp, self._arrays.xp.abs(two)
        beyond = size > EDGE
        if not isinstance(self._arrays, NumpyArrays):
            top = -math.log(FLOOR) - xp.log1p(xp.exp(-size))
            return xp.where(beyond, xp.sign(two) * top, two)
        large, bounded = two[beyond], two.copy()
        bounded[beyond] = np.copysign(-math.log(FLOOR) - np.log1p(np.exp(-np.abs(large))), large)
        return bounded

    def _agent_many(self, logs: Array) -> Array:
        """Log-probabilities (B, I, K) -> clipped and centred ones (B, I * K)."""
        xp = self._arrays.xp
        logs = xp.clip(logs, math.log(FLOOR), 0.0)
        if not self._all_wide:
            logs = xp.where(self._wide, logs, 0.0)
        many = logs - (over_options(logs) / self._counts)[..., None]
        if not self._all_wide:
            many = xp.where(self._wide, many, 0.0)
        return many.reshape(*many.shape[:-2], -1)

    def _on_real(self, many: Array) -> Array:
        """Wide logits (..., I * K) with 0 on padding, so that moving them stays finite."""
        xp = self._arrays.xp
        return xp.where(self._wide.reshape(-1), many, 0.0)

    def _chances(self, human: Base) -> tuple[Base, Array]:
        """Choice probabilities: of first options (B, J), of all options of wider items (B, I, K); and log of the sum
        (B, I) of exp(logits) over the options of these."""
        arrays = self._arrays
        # Padding is 0 while logits are mixed (`_on_real`): `FAR` times a share would no longer be far.
        padded = human.many if self._all_wide else arrays.xp.where(self._wide.reshape(-1), human.many, FAR)
        weights, total, log_total = self._readout.weights_and_logs(padded)
        return Base(arrays.logistic(human.two), weights / total[..., None]), log_total

    def _utility(self, values: Array, directions: Array) -> Array:
        """Mean over m of the largest similarity to a century j >= m; see `progressgym.scores.coevolve_utilities`.

        Args:
            values: (B, D) of simulated humans.
            directions: (1 or B, D, T) unit vectors of the real centuries.
        """
        arrays = self._arrays
        size = length(arrays, values)
        # Values of 0 stay 0, with similarity 0 to everything.
        scaled = values / arrays.xp.where(size > 0, size, math.inf)[:, None]
        similar = scaled @ directions[0] if len(directions) == 1 else (scaled[:, None] @ directions)[:, 0]
        similar = arrays.xp.clip(similar, -1.0, 1.0)
        # From the last century backwards, the largest so far is the largest of those not earlier (`suffix_max`).
        best = total = similar[:, -1]
        for t in range(similar.shape[1] - 2, -1, -1):
            best = arrays.xp.maximum(best, similar[:, t])
            total = total + best
        return total / similar.shape[1]

    def _lock_in(self, tables: Tables, human: Base, now: Base, log_total: Array, index: Index) -> dict[str, Array]:
        """Entropy and displacement, as in `progressgym.scores.lock_in`.

        Args:
            tables: of these rows.
            human: the humans' logits.
            now: their choice probabilities.
            log_total: (B, I) log of the sum of exp(logits) over a wider item's options.
            index: the step.
        """
        arrays = self._arrays
        items = len(self._config.instrument)
        free_two, free_many = (pick(arrays, tables[name], index) for name in ("free_two", "free_many"))
        wide, free_wide = (table.reshape(len(table), -1) for table in (now.many, free_many))
        gap = arrays.apart(now.two, free_two) + arrays.apart(wide, free_wide) / 2
        # With p = 1 / (1 + exp(-x)) entropy is (1 - p) x - log p; no p is below 1e-4, so a few share a logarithm.
        nats = human.two.sum(-1) - arrays.dot(now.two, human.two) - sum_of_logs(arrays, now.two)
        bits = nats / math.log(2.0)
        if len(self._readout.many_items):
            # Of wider items log(sum of exp(z)) - sum of p z, over the logarithm of how many options there are.
            bits = bits + log_total @ self._per_log - (wide * human.many) @ self._per_option
        return {"entropy": bits / items, "displacement": gap / items}

    def _entropy(self, now: Base) -> Array:
        """Entropy (B,) of choice probabilities alone; see `progressgym.scores.lock_in`."""
        xp, rest = self._arrays.xp, 1.0 - now.two
        bits = -(now.two * xp.log(now.two) + rest * xp.log1p(-now.two)).sum(-1) / math.log(2.0)
        if len(self._readout.many_items):
            surprise = now.many * xp.log(xp.where(now.many > 0, now.many, 1.0))
            bits = bits - (over_options(surprise) / self._log_counts).sum(-1)
        return bits / len(self._config.instrument)

    def _where(self, rows: NDArray[np.bool_], new: Base, old: Base) -> Base:
        """New logits in these rows."""
        chosen = self._arrays.flags(rows)[:, None]
        return Base(*(self._arrays.xp.where(chosen, n, o) for n, o in zip(new, old, strict=True)))


def sum_of_logs(arrays: Arrays, numbers: Array) -> Array:
    """Sums (B,) of the logarithms of numbers (B, J) that are no smaller than 1e-4, with one logarithm for `SHARE`."""
    shared = numbers.shape[1] // SHARE
    # A logarithm costs as much as some ten products; a product of eight numbers >= 1e-4 does not underflow.
    product = numbers[:, :shared]
    for n in range(1, SHARE):
        product = product * numbers[:, n * shared : (n + 1) * shared]
    xp = arrays.xp
    return xp.log(product).sum(-1) + xp.log(numbers[:, SHARE * shared :]).sum(-1)


class CoevolveVectorEnv(CoevolveVector, AnswersVector):
    """`ProgressGym/Coevolve-v0`, many at once."""

    single: ClassVar[type[CoevolveEnv]] = CoevolveEnv

    def _observe(self, index: Index) -> dict[str, Array]:
        return self._comparisons(index, self._labels)


class CoevolveStanceVectorEnv(CoevolveVector, StanceVector):
    """`ProgressGym/CoevolveStance-v0`, many at once."""

    single: ClassVar[type[CoevolveStanceEnv]] = CoevolveStanceEnv
    _template: CoevolveStanceEnv
    _apart = True
    _seen_labels: tuple[Array, Array] | None = None
    _reader: Any = None
    """Of labels on all comparisons, where there is a compiled one."""

    def _prepare(self) -> None:
        super()._prepare()
        if self._arrays.compiled:
            from progressgym.envs.vector.compiled.label_evidence import Evidence

            self._reader = Evidence(self._all_evidence[0])

    def _observe(self, index: Index) -> Array:
        arrays, total = self._arrays, self.num_envs
        weights = self._tables["evidence"]
        centuries = np.zeros((total, self._config.centuries), dtype=np.float32)
        centuries[self._rows, np.array(self._config.observed_centuries)[index]] = 1.0
        # The labels before are those that were read in the last observation, unless rows were reset in between.
        memo = self._seen_labels
        read = [
            memo[1] if memo is not None and labels is memo[0] else arrays.observation(self._read(labels, weights))
            for labels in (self._labels, self._before)
        ]
        self._seen_labels = self._labels, read[0]
        return arrays.xp.concatenate([*read, arrays.observation(centuries)], 1)

    def _read(self, labels: Array, weights: Array) -> Array:
        """Evidence (B, D)."""
        floats = self._arrays.floats
        if self._reader is not None and "asked" not in self._tables:
            return self._reader(labels)
        if "asked" not in self._tables and isinstance(self._arrays, NumpyArrays):
            blocks = list(self._arrays.blocks(len(labels)))
            return np.concatenate(each(lambda rows: self._product(2.0 * floats(labels[rows]) - 1.0), blocks))
        if len(weights) == 1:
            return evidence(floats(labels), weights[0])
        return evidence(floats(labels)[:, None], weights)[:, 0]
