"""Tables of rows that begin an episode with a drawn history each, filled in place by kernels."""

from __future__ import annotations

import numpy as np

from progressgym.envs.arrays import Arrays
from progressgym.envs.config import EnvConfig
from progressgym.envs.readout import FAR
from progressgym.envs.vector.batch_scores import Targets
from progressgym.envs.vector.compiled.drawn import Compared, Drawn, fill_drawn, fill_observations
from progressgym.envs.vector.compiled.histories import Read
from progressgym.envs.vector.compiled.paths import CompiledPaths
from progressgym.envs.vector.lookups import Tables


class DrawnTables:
    """Those of some rows, for stances as actions; blocks of rows may be filled side by side."""

    def __init__(self, config: EnvConfig, arrays: Arrays, paths: CompiledPaths, rows: int) -> None:
        """Make room.

        Args:
            config: of the environment.
            arrays: back end.
            paths: what makes and reads the histories.
            rows: how many.
        """
        self._arrays, self._layout, self._observed = arrays, paths.layout, np.array(config.observed_centuries)
        self._compared = Compared(
            np.array(config.compared), config.covered, tiny=arrays.tiny, still=arrays.still, full=arrays.full
        )
        (two, many), options = self._layout.compared, len(self._layout.real)
        steps, dims, covered = len(config.compared), len(self._layout.constant), len(config.covered)
        shapes = {
            "base_two": (two,),
            "base_many": (many, options),
            "origins": (steps, 3, dims),
            "directions": (steps, 2, dims),
            "shortest": (steps, 2),
            "static": (steps,),
            "room": (steps,),
            "human": (steps, covered),
            "first": (covered,),
        }
        self._drawn = Drawn(**{name: np.empty((rows, *shape)) for name, shape in shapes.items()})
        self.observations = np.empty((rows, steps, 2 * dims + config.centuries), dtype=np.float32)
        """(rows, S, 2 D + T), filled where labels are read as evidence."""

    def fill(self, read: Read, block: slice) -> None:
        """Fill these rows' tables from what is read of their histories; overwrites century 0's answers."""
        layout, drawn = self._layout, Drawn(*(table[block] for table in self._drawn))
        logs, standing = np.empty((len(layout.real), layout.compared[1])), np.empty((1, len(layout.constant)))
        fill_drawn(read, layout, self._compared, FAR, logs, standing, drawn)
        if len(read.evidence):
            fill_observations(read.evidence, self._observed, self.observations[block])

    def tables(self) -> Tables:
        """All rows' tables, but for observations."""
        named = {
            f"target_{name}" if name in Targets._fields else name: self._arrays.floats(table)
            for name, table in self._drawn._asdict().items()
        }
        named["base_many"] = named["base_many"].reshape(len(named["base_many"]), -1)
        return named
