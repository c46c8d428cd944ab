"""The tables of ICU-Sepsis (Choudhary, Gupta, Thomas, RLC 2024; package `icu-sepsis`, MIT).

Only the package's data files are read, never its code: that imports the unmaintained `gym`, which warns on every
import, and keeps two dense arrays of 102 MB each. What is kept here is sparse, about 20 MB a process.

The package names its 47 features nowhere; the order is that of the recipe it was made with (AI Clinician: binary, then
normally distributed, then log-normally distributed features). The column SOFA so found correlates .997 with the
package's own SOFA scores.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.core.reading import numbers, read_npz, read_text
from progressgym.envs.sepsis.sparse import SparseMDP

DEATH, SURVIVAL, AFTER = 713, 714, 715
"""The three terminal states; AFTER only follows the other two and is never reached in play."""
BINARY = ("gender", "mechvent", "max_dose_vaso", "re_admission")
NORMAL = (
    *("age", "Weight_kg", "GCS", "HR", "SysBP", "MeanBP", "DiaBP", "RR", "Temp_C", "FiO2_1", "Potassium", "Sodium"),
    *("Chloride", "Glucose", "Magnesium", "Calcium", "Hb", "WBC_count", "Platelets_count", "PTT", "PT"),
    *("Arterial_pH", "paO2", "paCO2", "Arterial_BE", "HCO3", "Arterial_lactate", "SOFA", "SIRS", "Shock_Index"),
    *("PaO2_FiO2", "cumulated_balance"),
)
LOG_NORMAL = (
    *("SpO2", "BUN", "Creatinine", "SGOT", "SGPT", "Total_bili", "INR", "input_total", "input_4hourly"),
    *("output_total", "output_4hourly"),
)
COLUMNS = (*BINARY, *NORMAL, *LOG_NORMAL)
"""The package's 47 columns."""
LEFT_OUT = ("max_dose_vaso", "input_4hourly", "re_admission")
"""The first two state the treatment itself (they would give the decision away); the third is not among the 44 of
'Reward Design for Justifiable Sequential Decision-Making'."""
FEATURES = tuple(name for name in COLUMNS if name not in LEFT_OUT)
"""The 44 features of that paper, in the package's order."""
MISSING = "ICU-Sepsis is not installed; install it with: pip install 'progress-gym[sepsis]'"


@dataclass(kw_only=True, frozen=True, eq=False)
class IcuTables:
    """ICU-Sepsis as arrays. S = 716 states, A = 25 actions (5 * fluids + vasopressor)."""

    mdp: SparseMDP
    """Reward 1 for survival, 0 otherwise."""
    expert: NDArray[np.float64]
    """(S, A) the clinicians' policy; uniform in terminal states, where the package's rows are 0."""
    features: NDArray[np.float32]
    """(S, 44) normalised features of each state, named by `FEATURES`; 0 in terminal states."""
    sofa: NDArray[np.float64]
    """(S,) mean SOFA score."""
    admissible: NDArray[np.bool_]
    """(S, A) actions that clinicians took often enough to be estimated; the others act like the mean of these."""


@cache
def icu_tables() -> IcuTables:
    """Read the tables; once a process.

    Raises:
        UserError: the package is missing or its files are damaged.
    """
    folder = data_folder()
    try:
        # One big array at a time: each is 102 MB until it is made sparse.
        transitions = _living_rows(_table(folder, "tx_mat"))
        rewards = _expected(transitions, _table(folder, "r_mat"))
        initial, expert, centres, sofa = (
            _table(folder, name) for name in ("d_0", "expert_policy", "state_cluster_centers", "sofa_scores")
        )
        admissible = _admissible(folder / "admissible_actions.txt", rewards.shape)
    except (ValueError, IndexError) as error:
        raise UserError(f"the files of icu-sepsis in {folder} are damaged; install it again ({error})") from None
    states, actions = rewards.shape
    terminal = np.arange(states) >= DEATH
    expert[terminal] = 1.0 / actions
    columns = [COLUMNS.index(name) for name in FEATURES]
    return IcuTables(
        mdp=SparseMDP(transitions=transitions, rewards=rewards, initial=initial, terminal=terminal),
        expert=expert / expert.sum(1, keepdims=True),
        features=centres[:, columns].astype(np.float32),
        sofa=sofa,
        admissible=admissible,
    )


def data_folder() -> Path:
    """Where the package keeps its tables; found without importing it.

    Raises:
        UserError: it is not installed.
    """
    try:
        spec = importlib.util.find_spec("icu_sepsis")
    except ValueError:  # a module of this name was put into sys.modules by hand
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise UserError(MISSING)
    return Path(next(iter(spec.submodule_search_locations))) / "envs" / "assets"


def _table(folder: Path, name: str) -> NDArray[np.float64]:
    return numbers(read_npz(folder / "dynamics.npz", name)[name], name)


def _living_rows(dense: NDArray[np.float64]) -> Any:
    """(S, A, S) transitions as sparse (S * A, S), with the rows of terminal states emptied and the others summing to 1."""
    from scipy.sparse import csr_array

    states, actions = dense.shape[:2]
    if dense.shape != (AFTER + 1, 25, AFTER + 1):
        raise ValueError(f"transitions of shape {dense.shape}")
    dense[DEATH:] = 0.0
    flat = dense.reshape(states * actions, states)
    sparse = csr_array(flat)
    return csr_array(sparse / np.maximum(np.asarray(sparse.sum(axis=1)), 0.5)[:, None])


def _expected(transitions: Any, dense: NDArray[np.float64]) -> NDArray[np.float64]:
    """(S, A) expected reward of a step from (S, A, S) rewards of arrivals."""
    states, actions = dense.shape[:2]
    flat = dense.reshape(states * actions, states)
    return np.asarray(transitions.multiply(flat).sum(axis=1), dtype=np.float64).reshape(states, actions)


def _admissible(path: Path, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """First line: how many each state has; then one line of actions a state."""
    lines = read_text(path).splitlines()
    mask = np.zeros(shape, dtype=np.bool_)
    counts = [int(word) for word in lines[0].split()]
    if len(counts) != shape[0]:
        raise ValueError(f"{len(counts)} states in admissible_actions.txt")
    for state, (count, line) in enumerate(zip(counts, lines[1:], strict=False)):
        chosen = [int(word) for word in line.split()]
        if len(chosen) != count:
            raise ValueError(f"state {state} of admissible_actions.txt")
        mask[state, chosen] = True
    return mask
