"""The two flavours of vector environments: numbers (19 in, 19 out), and comparisons and answers.

Legend of shapes: B environments, R rows that begin, H histories (1 or R), S observations of an episode, Q asked
comparisons, N items, K options, D = 19.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError
from progressgym.core.threads import scratch
from progressgym.envs.actions import LIMIT, to_action
from progressgym.envs.arrays import Array, NumpyArrays
from progressgym.envs.comparison_evidence import Product, VoteEvidence, differences, evidence, evidence_weights
from progressgym.envs.odds import Odds
from progressgym.envs.readout import FAR, Base, Fold, Readout
from progressgym.envs.stance_flavour import StanceFlavour
from progressgym.envs.vector.base import ProgressVectorEnv
from progressgym.envs.vector.batch_scores import Targets, as_columns
from progressgym.envs.vector.draws import Draws
from progressgym.envs.vector.lookups import Index, Tables, pick
from progressgym.envs.vector.mask import Mask
from progressgym.instruments.stance_model import DEFAULT_SCALE

if TYPE_CHECKING:
    from progressgym.envs.vector.compiled.votes import Votes

Floats = NDArray[np.float64]
D = len(DIMENSIONS)
Value = TypeVar("Value")


class Flavour(ProgressVectorEnv):
    """What challenges ask of a flavour."""

    _seen: dict[tuple[str, int], tuple[Array, Any]]
    """Name and step -> a table that all rows share, and what was looked up in it at that step."""

    @property
    def _action_scale(self) -> float:
        """Of the stance model, when actions are its stance."""
        return DEFAULT_SCALE

    def _readout_of(self, whole: bool) -> Readout:
        """Logits of the rewarded items, or of all items, those that are rewarded first."""
        instrument, rewarded = self._config.instrument, self._config.rewarded
        others = np.setdiff1d(np.arange(len(instrument)), rewarded)
        items = np.concatenate([rewarded, others]) if whole else rewarded
        return Readout(instrument, items, scored=rewarded, scale=self._action_scale, arrays=self._arrays)

    def _base_tables(self, answers: Floats) -> Tables:
        """Tables that actions need, from century 0's answers (H, N, K)."""
        raise NotImplementedError

    def _static(self, answers: Floats, tables: Tables) -> Base:
        """Logits (H, ...) of an agent that answers as in century 0."""
        raise NotImplementedError

    def _logits(self, actions: Array, tables: Tables) -> Base:
        """Logits (B, ...) of the answers that actions stand for, with the tables of their rows; fresh."""
        raise NotImplementedError

    def _scored(self, actions: Array) -> Array:
        """Values (B, D) of the answers that actions stand for."""
        return self._readout.score(self._logits(actions, self._tables))

    def _label_tables(self, labels: Array, draws: Draws) -> Tables:
        """Tables of observations, from labels (1 or R, 1 + S, Q), century 0's first."""
        raise NotImplementedError

    def _vote_tables(self, votes: Votes, packed: NDArray[np.uint64]) -> Tables:
        """Those of `_label_tables`, of votes on all comparisons as the compiled back end packs them."""
        raise NotImplementedError

    def _question_tables(self, draws: Draws) -> Tables:
        """Tables of what is asked."""
        raise NotImplementedError

    def _target_tables(self, parts: Targets, human: Floats) -> Tables:
        """Tables of what values are compared with, from the human's values (H, T, D)."""
        floats, covered = self._arrays.floats, self._config.covered
        goal = human[:, self._config.compared]
        tables = {f"target_{name}": table for name, table in parts._asdict().items()}
        return {**tables, "human": floats(goal[..., covered]), "first": floats(human[:, 0, covered])}

    def _target(self, index: Index) -> Targets:
        """What the values of a step are compared with."""
        arrays, tables = self._arrays, self._tables

        def picked() -> Targets:
            entries = (pick(arrays, tables[f"target_{name}"], index) for name in Targets._fields)
            return Targets(*(as_columns(arrays, entry) for entry in entries))

        return self._looked_up("target", tables["target_origins"], index, picked)

    def _told(self, values: Array, drift_cosine: Array, error: Array, index: Index) -> dict[str, Array]:
        """The scores that all challenges have."""
        return {
            "drift_cosine": drift_cosine,
            "dimension_error": error,
            "agent_values": values[:, self._columns],
            "human_values": self._arrays.copy(self._spread("human", index)),
        }

    def _opening(self) -> dict[str, Array]:
        arrays, first = self._arrays, self._tables["first"]
        values = arrays.xp.broadcast_to(first, (self.num_envs, first.shape[1]))
        nothing = arrays.floats(np.zeros(self.num_envs))
        return {
            "drift_cosine": nothing,
            "dimension_error": arrays.copy(nothing),
            "agent_values": arrays.copy(values),
            "human_values": arrays.copy(values),
        }

    def _spread(self, name: str, index: Index) -> Array:
        """The entries of a table at an index, one a row (B, ...); a view."""
        table = self._tables[name]

        def spread() -> Array:
            entries = pick(self._arrays, table, index)
            return self._arrays.xp.broadcast_to(entries, (self.num_envs, *entries.shape[1:]))

        return self._looked_up(name, table, index, spread)

    def _looked_up(self, name: str, table: Array, index: Index, look: Callable[[], Value]) -> Value:
        """What `look` finds in a table at an index; kept for a table that all rows share."""
        # Only a shared table has entries that another step at the same index will ask for again.
        if not isinstance(index, int) or len(table) > 1:
            return look()
        memo = self._seen.get((name, index))
        # Identity, not equality: another history means other tables.
        if memo is None or memo[0] is not table:
            self._seen[name, index] = memo = table, look()
        value: Value = memo[1]
        return value

    def _prepare(self) -> None:
        covered = self._config.covered
        self._columns: Any = slice(None) if len(covered) == D else self._arrays.index(covered)
        self._seen = {}

    _readout: Readout


class StanceVector(Flavour):
    """Numbers in, numbers out."""

    _template: StanceFlavour

    @property
    def _action_scale(self) -> float:
        return DEFAULT_SCALE * self._template.theta_scale

    def _prepare(self) -> None:
        super()._prepare()
        config = self._config
        self._difference = differences(config.instrument.loadings, config.chooser.pairs)
        self._all_evidence = evidence_weights(self._difference)[None]
        self._vote_evidence, self._product = VoteEvidence(self._difference), Product(self._all_evidence[0])
        self._folded: tuple[Any, Fold | Odds | None] | None = None

    def _base_tables(self, answers: Floats) -> Tables:
        base = self._readout.base_of(answers)
        return {"base_two": base.two, "base_many": base.many}

    def _static(self, answers: Floats, tables: Tables) -> Base:
        return self._logits(self._arrays.floats(np.zeros((len(answers), D))), tables)

    def _checked(self, actions: Any, live: Mask) -> Array:
        arrays = self._arrays
        theta = arrays.floats(actions)
        if tuple(theta.shape) != (self.num_envs, D):
            raise UserError(f"the actions have shape {tuple(theta.shape)}, expected ({self.num_envs}, {D})")
        if not live.every:
            # Rows between episodes may hold anything, NaN too, and must neither be refused nor spread it.
            theta = arrays.xp.where(arrays.flags(live.flags)[:, None], theta, 0.0)
        # The sum is a first, cheap look; it may overflow with finite numbers, so only the second look decides.
        if not math.isfinite(theta.sum().item()) and not bool(arrays.xp.isfinite(theta).all()):
            wanted = self._template.action_range
            raise UserError(f"the actions hold NaN or infinite numbers; give 19 numbers in {wanted} a row")
        return arrays.xp.clip(theta, -self._template.action_bound, self._template.action_bound)

    def _logits(self, actions: Array, tables: Tables) -> Base:
        return self._readout.logits(actions, Base(tables["base_two"], tables["base_many"]))

    def _scored(self, actions: Array) -> Array:
        two, many = self._tables["base_two"], self._tables["base_many"]
        if self._arrays.differentiated(actions):
            return self._readout.values(actions, Base(two, many))
        key = two if len(two) == 1 else self._episodes  # tables of many rows are changed in place
        if self._folded is None or self._folded[0] is not key:
            self._folded = (key, self._readout.fold(Base(two, many)))
        fold = self._folded[1]
        return (
            self._readout.values(actions, Base(two, many))
            if fold is None
            else self._readout.folded_values(actions, fold)
        )

    def _question_tables(self, draws: Draws) -> Tables:
        weights = self._all_evidence if draws.asked is None else evidence_weights(self._difference[draws.asked])
        return {"evidence": weights if isinstance(self._arrays, NumpyArrays) else self._arrays.floats(weights)}

    def _label_tables(self, labels: Array, draws: Draws) -> Tables:
        """Whole observations, ready made: (1 or R, S, 38 + T)."""
        if draws.asked is not None:
            read = evidence(labels, evidence_weights(self._difference[draws.asked]))
        elif self._config.sampled:
            read = self._vote_evidence(labels)
        else:  # `evidence`, as one matrix: numpy multiplies a stack one by one
            signs = scratch("signs", (labels.size // labels.shape[-1], labels.shape[-1]))
            np.multiply(labels.reshape(signs.shape), 2.0, out=signs)
            signs -= 1.0
            read = self._product(signs).reshape(*labels.shape[:-1], D)
        return self._shown_tables(read)

    def _vote_tables(self, votes: Votes, packed: NDArray[np.uint64]) -> Tables:
        return self._shown_tables(votes.evidence(packed))

    def _shown_tables(self, read: Array) -> Tables:
        """Whole observations, of evidence (1 or R, 1 + S, D)."""
        rows, steps = len(read), read.shape[1] - 1
        # Whole observations at once: a step then only looks one up and copies it.
        table = np.zeros((rows, steps, 2 * D + self._config.centuries), dtype=np.float32)
        table[..., :D], table[..., D : 2 * D] = read[:, 1:], read[:, :-1]
        table[:, np.arange(steps), 2 * D + np.array(self._config.observed_centuries)] = 1.0
        return {"observations": self._arrays.observation(table)}

    def _observe(self, index: Index) -> Array:
        return self._arrays.copy(self._spread("observations", index))


class AnswersVector(Flavour):
    """Comparisons in, answers to all items out."""

    def _prepare(self) -> None:
        super()._prepare()
        arrays, mask = self._arrays, self._config.instrument.mask
        self._real = arrays.flags(mask)
        self._pairs = arrays.index(self._config.chooser.pairs)
        self._places = [arrays.index(items) for items in (self._readout.two_items, self._readout.many_items)]
        self._many_real = arrays.flags(self._readout.many_mask)

    def _base_tables(self, answers: Floats) -> Tables:
        return {}

    def _static(self, answers: Floats, tables: Tables) -> Base:
        return self._logits(self._arrays.floats(to_action(answers)), tables)

    def _checked(self, actions: Any, live: Mask) -> Array:
        arrays = self._arrays
        given = arrays.floats(actions)
        expected = (self.num_envs, *self._config.instrument.mask.shape)
        if tuple(given.shape) != expected:
            raise UserError(f"the actions have shape {tuple(given.shape)}, expected {expected}")
        if not live.every:
            given = arrays.xp.where(arrays.flags(live.flags)[:, None, None], given, 0.0)
        # One pass in the usual case. Infinite log-probabilities are allowed, so it is NaN alone that is looked for.
        if math.isnan(given.sum().item()) and bool(arrays.xp.isnan(given[:, self._real]).any()):
            raise UserError("the actions hold NaN; give a log-probability for every option")
        return given

    def _logits(self, actions: Array, tables: Tables) -> Base:
        if self._arrays.compiled:
            from progressgym.envs.vector.compiled.answers import answered

            return answered(actions, self._readout)
        clip, (two, many) = self._arrays.xp.clip, self._places
        # Clipped before the difference: of two endless log-probabilities it would be NaN.
        first, second = clip(actions[:, two, 0], -LIMIT, LIMIT), clip(actions[:, two, 1], -LIMIT, LIMIT)
        wide = clip(actions[:, many], -LIMIT, LIMIT)
        wide = self._arrays.xp.where(self._many_real, wide, FAR)
        return Base(first - second, wide.reshape(len(actions), -1))

    def _question_tables(self, draws: Draws) -> Tables:
        pairs = self._pairs[None] if draws.asked is None else self._pairs[self._arrays.index(draws.asked)]
        return {"pairs": pairs}

    def _label_tables(self, labels: Array, draws: Draws) -> Tables:
        return {"labels": self._arrays.observation(labels[:, 1:].copy()), **self._question_tables(draws)}

    def _vote_tables(self, votes: Votes, packed: NDArray[np.uint64]) -> Tables:
        return {"labels": votes.labels(packed[1:]), "pairs": self._pairs[None]}

    def _observe(self, index: Index) -> dict[str, Array]:
        return self._comparisons(index, pick(self._arrays, self._tables["labels"], index))

    def _comparisons(self, index: Index, labels: Array) -> dict[str, Array]:
        """The dictionary of these labels (1 or B, Q)."""
        arrays, total = self._arrays, self.num_envs
        centuries = np.broadcast_to(np.array(self._config.observed_centuries)[index], (total,))
        spread = arrays.xp.broadcast_to
        pairs = self._tables["pairs"]
        return {
            "century": arrays.copy(arrays.index(centuries.copy())),
            "pairs": arrays.copy(spread(pairs, (total, *pairs.shape[1:]))),
            "labels": arrays.copy(spread(labels, (total, labels.shape[-1]))),
        }
