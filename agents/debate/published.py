"""Figures of Sukovic and Radanovic, Reward Design for Justifiable Sequential Decision-Making (ICLR 2024), 6 pieces.

Their patients' records are not public, so these stand beside our numbers for shape, not for equality. Printed in the
authors' notebooks unless marked; marked ones were read off their pictures (+- .003). Their self-play numbers are a
second sample of the maxmin run (the notebooks evaluate the wrong object), so none is given here.
"""

from __future__ import annotations

ACCURACY = {"isolated": (0.895, 0.227), "precommit": (0.881, 0.381), "maxmin": (0.897, 0.850)}
"""Method -> judge accuracy without and with a trained confuser; `isolated` was read off."""
RANDOM_EVIDENCE = 0.639
"""Judge accuracy on 6 random pieces (read off; the last epoch's training accuracy)."""
PREFERENCE = {0.25: 0.742, 0.5: 0.816, 0.75: 0.824, 1.0: 0.842}
"""Lambda -> share of decisions unlike the baseline's that the judge prefers after a debate; debate reward times 5."""
RETURN = {0.0: 0.845, 0.25: 0.808, 0.5: 0.775, 0.75: 0.770, 1.0: 0.740}
"""Lambda -> return in [-1, 1] estimated by weighted importance sampling (read off), mean of 5 seeds."""
CLINICIANS = 0.678
"""The same of the clinicians' policy (read off)."""
