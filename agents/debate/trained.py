"""Trained debaters: a network that plays, and its file.

Legend of shapes: B debates, N pieces, L turns, n_k evidence sets of size k.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from progressgym.agents.debate.debaters import Debater, Position
from progressgym.agents.debate.network import DebaterNet
from progressgym.agents.debate.sets import evidence_sets
from progressgym.agents.debate.view import debater_view
from progressgym.core.bounds import whole
from progressgym.core.debate import Cases, Domain, Floats, Ints, Judge
from progressgym.core.errors import UserError
from progressgym.core.files import canonical_json
from progressgym.core.reading import parse_json
from progressgym.core.seals import read_sealed, write_sealed
from progressgym.envs.debate.rules import Rules

MOST_UNITS = 10**5
"""Bound of every size of a network."""


class TrainedDebater:
    """Shows the piece that its network likes best; a `Debater`."""

    def __init__(self, net: DebaterNet, decisions: int, judge: Judge) -> None:
        """Prepare.

        Args:
            net: trained.
            decisions: A, options of the domain.
            judge: before whom it argues.
        """
        self.net, self.decisions, self.judge = net, decisions, judge

    def choose(self, position: Position) -> Ints:
        """(B,) pieces."""
        left = 1.0 - position.turn / position.rules.turns
        seen = debater_view(self.judge, position.cases, position.revealed, position.sides, left, self.decisions)
        with torch.no_grad():
            likely = self.net.log_probs(torch.from_numpy(seen), torch.from_numpy(position.free))
        pieces: Ints = likely.argmax(1).numpy()
        return pieces


def whole_policy(debater: Debater, cases: Cases, side: int, rules: Rules) -> tuple[Ints, ...]:
    """What a debater would do in every position: L arrays (B, n_k), for `solver.best_response`.

    Args:
        debater: whose.
        cases: B cases.
        side: the seat it has, 0 or 1.
        rules: of the debates.
    """
    sets = evidence_sets(cases.evidence.shape[1], rules.turns)
    policy = []
    for turn in range(rules.turns):
        level = sets.levels[turn]
        rows = np.repeat(np.arange(len(cases)), len(level))
        sides = np.full(len(rows), side, dtype=np.int64)
        at = Position(
            cases=cases[rows],
            revealed=np.tile(level, (len(cases), 1)),
            sides=sides,
            openers=sides,
            turn=turn,
            rules=rules,
        )
        policy.append(debater.choose(at).reshape(len(cases), len(level)))
    return tuple(policy)


def save_debater(path: Path | str, net: DebaterNet, domain: Domain, record: dict[str, str]) -> None:
    """Write a network as safetensors.

    Args:
        path: file to write.
        net: what to write.
        domain: it was trained in.
        record: how it was made: method, judge, seed.
    """
    shape = {"width": net.width, "pieces": net.pieces, "hidden": net.hidden, "decisions": domain.decisions}
    metadata = {"shape": json.dumps(shape), "domain": domain.name, **record}
    weights = {key: value.detach().clone().contiguous() for key, value in net.state_dict().items()}
    write_sealed(path, _in_order(save(weights, metadata=metadata)))


def _in_order(data: bytes) -> bytes:
    """The same safetensors file with its header sorted: the library writes metadata in an order of its own each time."""
    begin = 8 + int.from_bytes(data[:8], "little")
    header = canonical_json(json.loads(data[8:begin])).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[begin:]


def load_debater(path: Path | str, judge: Judge) -> TrainedDebater:
    """Read what `save_debater` wrote, to argue before a judge.

    Raises:
        UserError: no such file, not a debater, or not the one that was sealed.
    """
    try:
        data = read_sealed(path)
    except UserError as error:
        raise UserError(f"{path} is not a trained debater: {error}") from None
    try:
        tensors, shape = load(data), _shape(data, str(path))
        width, pieces, hidden, decisions = (
            whole(f"{name} of the debater {path}", shape.get(name), 1, MOST_UNITS)
            for name in ("width", "pieces", "hidden", "decisions")
        )
        shapes = [tuple(tensors[f"actor.{layer}.weight"].shape) for layer in (0, 4)]
        if shapes != [(hidden, width), (pieces, hidden)]:  # known before memory is taken for what is merely named
            raise TypeError(f"its weights have shapes {shapes}")
        net = DebaterNet(width, pieces, hidden)
        net.load_state_dict(tensors)
    except (SafetensorError, KeyError, RuntimeError, TypeError, AttributeError, struct.error) as error:
        raise UserError(f"{path} is not a trained debater: {' '.join(str(error).split())[:120]}") from None
    if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise UserError(f"{path} is not a trained debater: a weight is NaN or infinite")
    return TrainedDebater(net, decisions, judge)


def _shape(data: bytes, where: str) -> dict[str, Any]:
    """The sizes that a debater's file names in its metadata."""
    (length,) = struct.unpack_from("<Q", data)
    head = parse_json(data[8 : 8 + length].decode("utf-8", "replace"), where)
    shape = parse_json(head["__metadata__"]["shape"], where)
    if not isinstance(shape, dict):
        raise TypeError("its shape is no object")
    return shape


def worst_case(debater: Debater, finals: Floats, cases: Cases, weights: Floats, rules: Rules) -> float:
    """Share of cases that a debater for the preferred option wins against the best response to it, exactly.

    Args:
        debater: argues for `cases.options[:, 0]`.
        finals: (B, n_L) margin of debater 0 under every full evidence set.
        cases: B cases, the preferred option in debater 0's seat.
        weights: (B,) probabilities of the cases; sum to 1.
        rules: alternating; both openers are averaged.
    """
    from progressgym.agents.debate.measures import wins
    from progressgym.agents.debate.solver import best_response, turn_order

    sets = evidence_sets(cases.evidence.shape[1], rules.turns)
    policy = whole_policy(debater, cases, 0, rules)
    shares = []
    for opener in (0, 1):
        order = turn_order(rules, np.full(len(cases), opener, dtype=np.int64))
        shares.append(float(weights @ best_response(wins(finals), sets, order, 0, policy).value))
    return float(np.mean(shares))
