"""Coevolve, many at once: the assistants' answers move the humans whom they learn from.

The simulated human's logits are kept in the readout's layout: an item with two options is one number, the difference
of its two logits, wider items have one each. Legend of shapes as in `progressgym.envs.vector.base`, and J items with
two options, I wider ones, P all pairs.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import FLOOR, centred_log
from progressgym.envs.arrays import Array
from progressgym.envs.coevolve import CoevolveEnv, CoevolveStanceEnv
from progressgym.envs.coevolve_step import move
from progressgym.envs.evidence import evidence
from progressgym.envs.readout import FAR, Base, over_options
from progressgym.envs.vector.draws import Draws
from progressgym.envs.vector.flavours import AnswersVector, Flavour, StanceVector
from progressgym.envs.vector.scoring import Targets, against_history, compare, length, targets
from progressgym.envs.vector.tables import Index, Tables, part, pick
from progressgym.preferences.comparisons import CLIP, stated

Floats = NDArray[np.float64]


class CoevolveVector(Flavour):
    """The closed loop; see `progressgym.envs.coevolve`."""

    _template: CoevolveEnv

    def _prepare(self) -> None:
        arrays, settings = self._arrays, self._settings
        self._readout = self._readout_of(whole=True)
        mask = self._readout.many_mask
        self._counts = arrays.floats(mask.sum(1))
        self._wide = arrays.flags(mask)
        pairs = settings.chooser.pairs
        place = np.zeros(len(settings.instrument), dtype=np.int64)
        place[self._readout.two_items] = np.arange(len(self._readout.two_items))
        place[self._readout.many_items] = np.arange(len(self._readout.many_items))
        two = np.isin(pairs[:, 0], self._readout.two_items)
        first, second = (place[pairs[:, 0]] * mask.shape[1] + pairs[:, column] for column in (1, 2))
        order = np.argsort(np.concatenate([np.flatnonzero(two), np.flatnonzero(~two)]))
        self._pair_columns = tuple(arrays.index(x) for x in (place[pairs[two, 0]], first[~two], second[~two], order))
        super()._prepare()

    def _truth(self, answers: Floats) -> Tables:
        settings, arrays = self._settings, self._arrays
        human = settings.instrument.values(answers, settings.rewarded, check=False)
        lengths = np.linalg.norm(human, axis=-1)
        tables = self._base_tables(answers[:, 0])
        ways = human / np.where(lengths > 0, lengths, np.inf)[..., None]
        tables["directions"] = arrays.floats(np.swapaxes(ways, 1, 2))
        tables["start"] = arrays.floats(human[:, 0])
        real = self._readout.base(centred_log(answers, settings.instrument.mask))
        tables["real_two"], tables["real_many"] = real.two, self._on_real(real.many)
        tables |= self._goals(answers, tables)
        still = self._static(answers[:, 0], tables)
        static = self._paths(tables, self._agent_logits(still, self._readout.chances(still.many)))
        return {**tables, **self._target_tables(targets(arrays, human, arrays.host(static), 0), human)}

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
        beside = alone = Base(tables["real_two"][:, 0], tables["real_many"][:, 0])
        utilities, free = [], []
        tables["first_entropy"] = self._entropy(self._chances(alone))
        for n in range(self._settings.steps):
            beside = self._moved(tables, beside, static, n, self._template.influence)
            alone = self._moved(tables, alone, static, n, 0.0)
            chances = self._chances(beside)
            after = {"simulated": self._readout.mean(*chances), **self._beside(tables, chances, n)}
            utilities.append(self._worth(after, tables))
            free.append(self._chances(alone))
        tables["free_two"] = stack([chances.two for chances in free], 1)
        tables["free_many"] = stack([chances.many for chances in free], 1)
        return stack(utilities, 1)

    def _questions(self, truth: Tables, draws: Draws) -> Tables:
        arrays = self._arrays
        tables = self._question_tables(draws)
        if draws.uniforms is not None:
            tables["uniforms"] = arrays.floats(draws.uniforms[:, 1:])
        if draws.asked is not None:
            tables["asked"] = arrays.index(draws.asked)
        return tables

    def _started(self, rows: NDArray[np.int64]) -> None:
        arrays, tables, total = self._arrays, self._tables, self.num_envs
        spread = arrays.xp.broadcast_to
        first = [tables["real_two"][:, 0], tables["real_many"][:, 0]]
        begun = Base(*(arrays.copy(spread(table, (total, *table.shape[1:]))) for table in first))
        if len(rows) == total:
            self._human = begun
            self._labels = self._ask(begun, 0)
            self._before = self._labels
            return
        fresh = np.zeros(total, dtype=np.bool_)
        fresh[rows] = True
        self._human = self._where(fresh, begun, self._human)
        chosen = arrays.flags(fresh)[:, None]
        labels = self._ask(begun, 0)
        self._labels = arrays.xp.where(chosen, labels, self._labels)
        self._before = arrays.xp.where(chosen, labels, self._before)

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
        steps = [self._influenced(actions[rows], rows, index) for rows in arrays.blocks(self.num_envs)]
        after = self._joined(steps)
        self._human = Base(after["two"], after["many"])
        self._see_next(index)
        values, own = after["simulated"], after["own"]
        target, covered = self._target(index), len(self._settings.covered)
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
        logits = self._logits(actions, tables)
        wide = self._readout.chances(logits.many)
        agent = self._agent_logits(logits, wide)
        human = Base(self._human.two[rows], self._human.many[rows])
        human = self._moved(tables, human, agent, now, self._template.influence)
        chances = self._chances(human)
        first = self._arrays.copy(logits.two)  # the agent's logits are part of the graph, and `sigmoid` overwrites
        return {
            "two": human.two,
            "many": human.many,
            "own": self._readout.mean(self._arrays.sigmoid(first), wide),
            "simulated": self._readout.mean(*chances),
            **self._lock_in(tables, chances, now),
            **self._beside(tables, chances, now),
        }

    def _see_next(self, index: Index) -> None:
        """The next labels, in rows whose episode goes on; the last observation shows the same labels twice."""
        last = self._settings.steps - 1
        if isinstance(index, int):
            if index < last:
                self._before, self._labels = self._labels, self._ask(self._human, index + 1)
            return
        arrays, more = self._arrays, self._arrays.flags(index < last)[:, None]
        fresh = self._ask(self._human, np.minimum(index + 1, last))
        self._before = arrays.xp.where(more, self._labels, self._before)
        self._labels = arrays.xp.where(more, fresh, self._labels)

    def _ask(self, human: Base, index: Index) -> Array:
        """Labels (B, Q) of simulated humans."""
        arrays, tables = self._arrays, self._tables
        blocks = arrays.blocks(self.num_envs)
        preferred = self._stacked([self._prefers(Base(human.two[rows], human.many[rows])) for rows in blocks])
        if "asked" in tables:
            row: Any = arrays.index(self._rows)[:, None]
            preferred = preferred[row, tables["asked"]]
        if self._settings.sampled:
            return arrays.observation(pick(arrays, tables["uniforms"], index) < preferred)
        return arrays.observation(stated(preferred, self._settings.label_kind))

    def _prefers(self, human: Base) -> Array:
        """P(a over b) (B, P) of all pairs: the logistic function of the difference of their logits."""
        xp, (two, first, second, order) = self._arrays.xp, self._pair_columns
        differences = xp.concatenate([human.two[:, two], human.many[:, first] - human.many[:, second]], 1)
        return xp.clip(self._arrays.sigmoid(differences), CLIP, 1.0 - CLIP)[:, order]

    def _moved(self, tables: Tables, human: Base, agent: Base, index: Index, influence: float) -> Base:
        """The humans' logits after a step; the real century ahead is index + 1."""
        ahead = index + 1
        real = (pick(self._arrays, tables[name], ahead) for name in ("real_two", "real_many"))
        pull = self._template.pull
        return Base(*(move(h, r, a, pull, influence) for h, r, a in zip(human, real, agent, strict=True)))

    def _agent_logits(self, logits: Base, wide: Array) -> Base:
        """What `centred_log` makes of answers with these logits: no answer is less likely than 1e-4.

        Of two options the likelier one has log p = -log(1 + exp(-|x|)), and the other no less than log 1e-4.

        Args:
            logits: (B, ...).
            wide: (B, I, K) choice probabilities of the wider items.
        """
        xp = self._arrays.xp
        size = xp.abs(logits.two)
        top = -math.log(FLOOR) - xp.log1p(xp.exp(-size))
        two = xp.sign(logits.two) * xp.minimum(size, top)
        if not len(self._readout.many_items):
            return Base(two, logits.many)
        logs = xp.where(self._wide, xp.log(xp.clip(wide, FLOOR, 1.0)), 0.0)
        mean = over_options(logs) / self._counts
        many = xp.where(self._wide, logs - mean[..., None], 0.0)
        return Base(two, many.reshape(*many.shape[:-2], -1))

    def _on_real(self, many: Array) -> Array:
        """Wide logits (..., I * K) with 0 on padding, so that moving them stays finite."""
        xp = self._arrays.xp
        return xp.where(self._wide.reshape(-1), many, 0.0)

    def _chances(self, human: Base) -> Base:
        """Choice probabilities: of first options (B, J), of all options of wider items (B, I, K)."""
        arrays = self._arrays
        padded = arrays.xp.where(self._wide.reshape(-1), human.many, FAR)
        return Base(arrays.sigmoid(arrays.copy(human.two)), self._readout.chances(padded))

    def _utility(self, values: Array, directions: Array) -> Array:
        """Mean over m of the largest similarity to a century j >= m; see `progressgym.scores.coevolve_utilities`.

        Args:
            values: (B, D) of simulated humans.
            directions: (1 or B, D, T) unit vectors of the real centuries.
        """
        arrays = self._arrays
        size = length(arrays, values)
        scaled = values / arrays.xp.where(size > 0, size, math.inf)[:, None]
        similar = scaled @ directions[0] if len(directions) == 1 else (scaled[:, None] @ directions)[:, 0]
        similar = arrays.xp.clip(similar, -1.0, 1.0)
        best = total = similar[:, -1]
        for t in range(similar.shape[1] - 2, -1, -1):
            best = arrays.xp.maximum(best, similar[:, t])
            total = total + best
        return total / similar.shape[1]

    def _lock_in(self, tables: Tables, now: Base, index: Index) -> dict[str, Array]:
        """Entropy and displacement, as in `progressgym.scores.lock_in`, of the humans' choice probabilities."""
        arrays = self._arrays
        xp, items = arrays.xp, len(self._settings.instrument)
        free_two, free_many = (pick(arrays, tables[name], index) for name in ("free_two", "free_many"))
        apart = xp.abs(now.many - free_many)
        gap = xp.abs(now.two - free_two).sum(-1) + apart.reshape(len(apart), -1).sum(-1) / 2
        return {"entropy": self._entropy(now), "displacement": gap / items}

    def _entropy(self, now: Base) -> Array:
        """How undecided choice probabilities are, (B,); see `progressgym.scores.lock_in`."""
        xp, rest = self._arrays.xp, 1.0 - now.two
        bits = -(now.two * xp.log(now.two) + rest * xp.log1p(-now.two)).sum(-1) / math.log(2.0)
        if len(self._readout.many_items):
            surprise = now.many * xp.log(xp.where(now.many > 0, now.many, 1.0))
            bits = bits - (over_options(surprise) / xp.log(self._counts)).sum(-1)
        return bits / len(self._settings.instrument)

    def _where(self, rows: NDArray[np.bool_], new: Base, old: Base) -> Base:
        """New logits in these rows."""
        chosen = self._arrays.flags(rows)[:, None]
        return Base(*(self._arrays.xp.where(chosen, n, o) for n, o in zip(new, old, strict=True)))


class CoevolveVectorEnv(CoevolveVector, AnswersVector):
    """`ProgressGym/Coevolve-v0`, many at once."""

    single: ClassVar[type[CoevolveEnv]] = CoevolveEnv

    def _observe(self, index: Index) -> dict[str, Array]:
        return self._comparisons(index, self._labels)


class CoevolveStanceVectorEnv(CoevolveVector, StanceVector):
    """`ProgressGym/CoevolveStance-v0`, many at once."""

    single: ClassVar[type[CoevolveStanceEnv]] = CoevolveStanceEnv
    _template: CoevolveStanceEnv

    def _observe(self, index: Index) -> Array:
        arrays, total = self._arrays, self.num_envs
        weights = self._tables["evidence"]
        centuries = np.zeros((total, self._settings.centuries), dtype=np.float32)
        centuries[self._rows, np.array(self._settings.shown)[index]] = 1.0
        read = [arrays.observation(self._read(labels, weights)) for labels in (self._labels, self._before)]
        return arrays.xp.concatenate([*read, arrays.observation(centuries)], 1)

    def _read(self, labels: Array, weights: Array) -> Array:
        """Evidence (B, D)."""
        if len(weights) == 1:
            return evidence(self._arrays.floats(labels), weights[0])
        return evidence(self._arrays.floats(labels)[:, None], weights)[:, 0]
