"""Trained debaters: a network that plays, and its file.

Legend of shapes: B debates, N pieces, L turns, n_k evidence sets of size k.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from progressgym.agents.debate.debaters import Debater, Position
from progressgym.agents.debate.network import DebaterNet
from progressgym.agents.debate.sets import evidence_sets
from progressgym.agents.debate.view import debater_view
from progressgym.core.debate import Cases, Domain, Floats, Ints, Judge
from progressgym.core.errors import UserError
from progressgym.core.files import canonical_json, write_bytes
from progressgym.envs.debate.rules import Rules


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
    told = {"shape": json.dumps(shape), "domain": domain.name, **record}
    weights = {key: value.detach().clone().contiguous() for key, value in net.state_dict().items()}
    write_bytes(path, _in_order(save(weights, metadata=told)))


def _in_order(data: bytes) -> bytes:
    """The same safetensors file with its header sorted: the library writes metadata in an order of its own each time."""
    begin = 8 + int.from_bytes(data[:8], "little")
    header = canonical_json(json.loads(data[8:begin])).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[begin:]


def load_debater(path: Path | str, judge: Judge) -> TrainedDebater:
    """Read what `save_debater` wrote, to argue before a judge.

    Raises:
        UserError: no such file, or not a debater.
    """
    if not Path(path).is_file():
        raise UserError(f"no such file: {path}")
    try:
        with safe_open(str(path), framework="pt") as file:
            shape = json.loads((file.metadata() or {})["shape"])
            net = DebaterNet(int(shape["width"]), int(shape["pieces"]), int(shape["hidden"]))
            net.load_state_dict({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118 (not a dict)
    except (SafetensorError, KeyError, ValueError, RuntimeError, TypeError) as error:
        raise UserError(f"{path} is not a trained debater: {' '.join(str(error).split())[:120]}") from None
    return TrainedDebater(net, int(shape["decisions"]), judge)


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
