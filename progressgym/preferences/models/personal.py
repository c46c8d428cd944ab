"""Models of many users: everyone has a vector of their own, and a new one is placed by a few answers.

    P(left over right | user u) = sigma(m(z_u, left, right)),      z_u = offset + c_u B

Coordinates c_u (R,) are few, so that people share what they have in common. A user who was not there when the model was
learned is placed between those who were: each known user counts as the likelihood of the new one's answers under z_u,

    z_new = sum_u p(u | answers) z_u,      p(u | answers) ~ prod_q P(answer q | u)

which is the posterior mean with the known users as prior. No answer: the mean user. Users are the groups of `Pairs`.

Legend of shapes: B sets, n pairs, d features, U users, R coordinates, T users who are all asked the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from progressgym.core.arguments import Count, Positive, Whole
from progressgym.core.errors import UserError
from progressgym.core.late import Late
from progressgym.losses import derivatives, loss_of, weighted
from progressgym.preferences.models.batch import Batch
from progressgym.preferences.models.descent import Metric, minimise
from progressgym.preferences.models.fitted import FittedModel, Floats, curvature
from progressgym.preferences.models.newton import GRID, solve
from progressgym.preferences.pairs import Pairs

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Late("torch")


DENSE = 4
"""A table may have so many times as many cells as there are pairs."""


@dataclass(kw_only=True)
class PersonalModel(FittedModel):
    """Users as points of a few coordinates; a subclass says what coordinates mean."""

    spread: Positive = 1.0
    """Precision of the Gaussian prior of a user's coordinates around 0."""
    rounds: Count = 300
    """At most so many steps of the search."""
    seed: Whole = 0
    """Of the small differences between coordinates that the search begins with."""
    users: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64), init=False, repr=False)
    """(U,) the groups that were there, in order."""
    vectors: Tensor = field(default_factory=lambda: torch.zeros(0, 0), init=False, repr=False)
    """z (U, d)."""
    _placed: dict[int, Tensor] = field(default_factory=dict, init=False, repr=False)

    @property
    def coordinates(self) -> int:
        """R; 0: all users are one, Bradley and Terry's."""
        raise NotImplementedError

    def basis(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Offset (B, d) and B (B, R, d) of the shared part of the parameters (B, (1 + R) d)."""
        parts = theta.reshape(len(theta), 1 + self.coordinates, -1)
        return parts[:, 0], parts[:, 1:]

    def shares(self, raw: Tensor) -> Tensor:
        """c (..., R) of unbounded numbers (..., R)."""
        raise NotImplementedError

    def margins_of_users(self, offset: Tensor, basis: Tensor, c: Tensor, batch: Batch, group: Tensor | None) -> Tensor:
        """Margins: (B, n) of users `group` (n,), or (B, T, n) of every user in turn where group is None."""
        x = batch.difference
        common = (x @ offset[..., None])[..., 0]
        scores = x @ basis.transpose(1, 2)
        if group is None:
            return common[:, None] + c @ scores.transpose(1, 2)
        return common + (scores * c[:, group]).sum(-1)

    def places(
        self, batch: Batch, group: Tensor | None, users: int, shift: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Learn.

        Args:
            batch: of pairs.
            group: (n,) whose they are, 0 to users - 1; None: all users are asked all of them, target and weight
                are (B, T, n).
            users: how many there are.
            shift: (B, n) what every margin has beside the model's.

        Returns:
            z (B, U, d), on the grid, and c (B, U, R).
        """
        shift = torch.zeros_like(batch.left[..., 0]) if shift is None else shift
        pooled = self._pooled(batch, group, shift)
        sets, d, r = len(batch), batch.left.shape[-1], self.coordinates
        if r == 0 or users == 1:
            return pooled[:, None].expand(sets, users, d), torch.zeros(sets, users, r, dtype=pooled.dtype)
        random = torch.Generator().manual_seed(self.seed)
        noise = torch.randn(r * d + users * r, generator=random, dtype=torch.float64).to(pooled)
        start = torch.cat(
            [self.start(pooled, 0.3 * noise[: r * d].reshape(r, d)), 0.1 * noise[r * d :].expand(sets, -1)], 1
        )
        own, loss = start.shape[1] - users * r, loss_of(self.loss)

        def objective(theta: Tensor, rows: Tensor | None) -> Tensor:
            shared, raw = theta[:, :own], theta[:, own:]
            offset, basis = self.basis(shared)
            some, beside = batch.rows(rows), shift if rows is None else shift[rows]
            margins = self.margins_of_users(offset, basis, self.shares(raw.reshape(-1, users, r)), some, group)
            margins = margins + (beside[:, None] if group is None else beside)
            costs = weighted(loss, margins, some.target, some.weight).flatten(1).sum(-1)
            return costs + 0.5 * self.ridge * (shared**2).sum(-1) + 0.5 * self.spread * (raw**2).sum(-1)

        best = minimise(
            objective, start, metric=self._near(pooled, start, batch, group, shift, own), rounds=self.rounds
        )
        offset, basis = self.basis(best[:, :own])
        c = self.shares(best[:, own:].reshape(sets, users, r))
        return torch.round((offset[:, None] + c @ basis) * GRID) / GRID, c

    def start(self, pooled: Tensor, noise: Tensor) -> Tensor:
        """(B, (1 + R) d) where the shared part begins: pooled (B, d) is Bradley and Terry's of all users."""
        raise NotImplementedError

    def fit(self, pairs: Pairs) -> Self:
        """Learn everybody at once.

        Raises:
            UserError: a user without pairs.
        """
        weighed = pairs[pairs.weight > 0]
        for user in np.setdiff1d(pairs.group, weighed.group)[:1]:
            raise UserError(
                f"user {user} has no pairs of a weight above 0; leave them out, or place them by `add_user`"
            )
        if not len(weighed):
            raise UserError("there are no pairs to learn from; all have the weight 0")
        self.users, group = np.unique(weighed.group, return_inverse=True)
        self.width, self._placed = weighed.left.shape[1], {}
        batch, among = _table(weighed, group, len(self.users))
        vectors, self.parameters = self.places(batch, among, len(self.users))
        self.vectors = vectors[0]
        return self

    def weights(self, user: int) -> Floats:
        """c (R,) of a user who was there."""
        own: Floats = self.parameters[0, self._row(user)].numpy()
        return own

    def place(self, pairs: Pairs) -> Tensor:
        """z (d,) of somebody by their answers, which may be none: the mean of known users, as likely as they make them."""
        batch = Batch.of(pairs)
        margins = self.apart(self.vectors, batch)
        likely = -weighted(loss_of("sigmoid"), margins, batch.target, batch.weight).sum(-1)
        return torch.softmax(likely, 0) @ self.vectors

    def add_user(self, user: int, pairs: Pairs) -> Self:
        """Place somebody who was not there, and know them from now on."""
        self._placed[user] = self.place(pairs)
        return self

    def apart(self, vectors: Tensor, batch: Batch) -> Tensor:
        """Margins (U, n) of every user for every pair of a batch of one set."""
        return vectors @ batch.difference[0].T

    def margin(self, pairs: Pairs) -> Floats:
        """Log-odds (n,) that left is preferred, each by its user.

        Raises:
            UserError: not fitted, to other features, or a user who is not known.
        """
        if pairs.left.shape[1] != self.width:
            raise UserError(f"a model of {max(self.width, 0)} features is asked about {pairs.left.shape[1]}")
        margins = np.zeros(len(pairs))
        for user in np.unique(pairs.group):
            rows = pairs.group == user
            z = self._placed[user] if user in self._placed else self.vectors[self._row(user)]
            margins[rows] = self.apart(z[None], Batch.of(pairs[rows]))[0].numpy()
        return margins

    def _row(self, user: int) -> int:
        row = int(np.searchsorted(self.users, user))
        if row == len(self.users) or self.users[row] != user:
            raise UserError(
                f"user {user} is not among the {len(self.users)} that were learned from; place them by `add_user` first"
            )
        return row

    def _near(
        self, pooled: Tensor, start: Tensor, batch: Batch, group: Tensor | None, shift: Tensor, own: int
    ) -> Metric:
        """About the inverse Hessian at the start: shared vectors by the curvature that all users have together at their mean,
        a user's coordinates by their even part of it."""
        weight = batch.weight.sum(1) if group is None else batch.weight
        margins = (batch.difference @ pooled[..., None])[..., 0] + shift
        _, bend = derivatives(loss_of(self.loss), margins, torch.full_like(margins, 0.5), weight)
        block, d = curvature(batch.difference, bend, self.ridge), pooled.shape[1]

        _, basis = self.basis(start[:, :own])
        users = (start.shape[1] - own) // self.coordinates
        turns = ((batch.difference @ basis.transpose(1, 2)) ** 2 * bend[..., None]).sum(1) / users + self.spread

        def near(slope: Tensor) -> Tensor:
            shared = (slope[:, :own].reshape(len(slope), -1, d) @ block).flatten(1)
            apart = slope[:, own:].reshape(len(slope), users, -1) / turns[:, None]
            return torch.cat([shared, apart.flatten(1)], 1)

        return near

    def _pooled(self, batch: Batch, group: Tensor | None, shift: Tensor) -> Tensor:
        """w (B, d) of all users together."""
        target, weight = batch.target, batch.weight
        if group is None and target.shape[1] == 1:
            target, weight = target[:, 0], weight[:, 0]
        elif group is None:  # the same pairs by everybody: the mean target, which costs the same but for a constant
            total = weight.sum(1)
            target = (weight * target).sum(1) / torch.where(total > 0, total, 1.0)
            weight = total
        nowhere = torch.zeros_like(batch.left[:, 0])
        return solve(batch.difference, shift, target, weight, nowhere, self.ridge, loss_of(self.loss))


def _table(pairs: Pairs, group: NDArray[np.int64], users: int) -> tuple[Batch, Tensor | None]:
    """Pairs as a batch of one set, and whose they are; None where many users are asked the same: then it is a table.

    In a table each pair stands once, and targets and weights are (1, U, m). Losses are linear in their targets, so that several
    answers of one user to one pair cost as much as their mean with their weights.
    """
    sides, which = _distinct(np.hstack([pairs.left, pairs.right]))
    if len(pairs.context[0]) or users * len(sides) > DENSE * len(pairs):
        return Batch.of(pairs), torch.from_numpy(group)
    weight, total = np.zeros((2, users, len(sides)))
    np.add.at(weight, (group, which), pairs.weight)
    np.add.at(total, (group, which), pairs.weight * pairs.target)
    target = np.divide(total, weight, out=np.full_like(total, 0.5), where=weight > 0)
    left, right = np.hsplit(sides, 2)
    tables = {"target": torch.from_numpy(target)[None], "weight": torch.from_numpy(weight)[None]}
    return replace(Batch.of(Pairs.of(left, right)), **tables), None


def _distinct(rows: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Distinct rows (m, d) in order, and which of them each of n is.

    What `np.unique` says, without sorting n rows: the same bytes are met in a dictionary first.
    """
    seen: dict[bytes, int] = {}
    met = [seen.setdefault(row.tobytes(), len(seen)) for row in rows]
    first = np.frombuffer(b"".join(seen), rows.dtype).reshape(len(seen), rows.shape[1])
    distinct, which = np.unique(first, axis=0, return_inverse=True)
    return distinct, which.reshape(-1)[met]
