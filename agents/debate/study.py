"""A study: judges, debaters of several seeds and their confusers, trained stage by stage into one folder.

| file | what |
|---|---|
| `plan.json` | what is studied; a folder belongs to one plan |
| `judge/` | the judge of the debates, trained on 1 to L random pieces of the training states |
| `ideal/` | the judge that sees everything, trained on all states |
| `seed0/maxmin.safetensors` | a debater |
| `seed0/confuser-maxmin.safetensors` | the adversary trained against it |
| `tensorboard/` | how they learned |

A stage is a file that is there wholly or not at all; running again does what is missing. The sepsis simulator has its
exact Bayes judge, which is the ideal one for any evidence, so there is nothing to train.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from progressgym.agents.debate.ppo import PpoRecipe
from progressgym.agents.debate.trained import TrainedDebater, load_debater, save_debater
from progressgym.agents.debate.training import METHODS, DebateRecipe, Update, train_confuser, train_debater
from progressgym.core.bounds import whole
from progressgym.core.debate import Domain, Judge
from progressgym.core.errors import UserError, unknown
from progressgym.core.files import discard, write_json
from progressgym.core.locks import alone
from progressgym.core.reading import read_object
from progressgym.envs.debate.icu import IcuDomain
from progressgym.envs.debate.simulator import BayesJudge, SimulatorDomain
from progressgym.monitor.progress import Progress
from progressgym.monitor.tensorboard import RunLog
from progressgym.preferences.learned_judge import JudgeRecipe, LearnedJudge, train_judge

DOMAINS = ("icu", "simulator")
TRAINED_ON = {"test": "train", "validation": "fit"}
"""States held out -> states that networks are trained on."""
PLAN, JUDGE, IDEAL = "plan.json", "judge", "ideal"
MOST = {
    "seeds": 1000,
    "updates": 10**7,
    "confuser_updates": 10**7,
    "games": 10**6,
    "hidden": 10**4,
    "judge_steps": 10**8,
}
"""Bounds of the numbers of a plan; all begin at 1."""
LOG_EVERY = 5
"""Updates between two points of a log."""


@dataclass(kw_only=True, frozen=True)
class StudyConfig:
    """What is trained.

    Raises:
        UserError: an unknown word or a number out of range.
    """

    domain: str = "icu"
    """`icu` or `simulator`."""
    methods: tuple[str, ...] = METHODS
    """Ways to train debaters."""
    seeds: int = 3
    """Debaters of each."""
    turns: int = 6
    """L."""
    updates: int = 300
    """PPO updates of a debater."""
    confuser_updates: int = 300
    """PPO updates of a confuser."""
    games: int = 512
    """Debates an update."""
    hidden: int = 128
    """Units of a debater's hidden layers."""
    judge_steps: int = 1500
    """Steps of a learned judge, 512 comparisons each."""
    held_out: str = "test"
    """States that nothing is trained on: `test`, or `validation` while the recipe is being chosen."""

    def __post_init__(self) -> None:
        """Check."""
        if self.domain not in DOMAINS:
            raise unknown("domain of a study", str(self.domain), DOMAINS)
        for method in self.methods:
            if method not in METHODS:
                raise unknown("way to train a debater", str(method), METHODS)
        for name, most in MOST.items():
            whole(name, getattr(self, name), 1, most)
        if self.held_out not in tuple(TRAINED_ON):
            raise unknown("part to hold out", str(self.held_out), TRAINED_ON)
        if whole("turns", self.turns, 0, 1000) < 2 or self.turns % 2:
            raise UserError(f"{self.turns} turns cannot be shared by two debaters; give an even number from 2")

    @property
    def trained_on(self) -> str:
        """The part of the states that networks are trained on."""
        return TRAINED_ON[self.held_out]

    @property
    def settings(self) -> DebateRecipe:
        """Of the debaters."""
        return DebateRecipe(turns=self.turns, updates=self.updates, games=self.games, ppo=PpoRecipe(hidden=self.hidden))


class Study:
    """A folder of trained judges and debaters."""

    def __init__(self, plan: StudyConfig, folder: Path | str) -> None:
        """Open a folder, or prepare one.

        Raises:
            UserError: the folder holds another study; more methods or seeds are the same study.
        """
        self.plan, self.folder = plan, Path(folder)
        self._wanted = {**asdict(plan), "methods": list(plan.methods)}
        file = self.folder / PLAN
        if file.exists() and _kind(read_object(file, "the plan of a study")) != _kind(self._wanted):
            raise UserError(f"{self.folder} holds another study (see its {PLAN}); give another folder")

    @classmethod
    def load(cls, folder: Path | str) -> Study:
        """Open a study that was begun before.

        Raises:
            UserError: there is none, or its plan is damaged.
        """
        file = Path(folder) / PLAN
        if not file.is_file():
            raise UserError(f"{folder} holds no study; train one with: progressgym debate train --out {folder}")
        plan = read_object(file, "the plan of a study")
        methods = plan.get("methods")
        if not isinstance(methods, list) or set(plan) - {field.name for field in fields(StudyConfig)}:
            raise UserError(f"{file} is not the plan of a study: it needs a list of methods, and nothing unknown")
        return cls(StudyConfig(**{**plan, "methods": tuple(methods)}), folder)

    def domain(self, part: str) -> Domain:
        """The domain, cases of one part of its states."""
        if self.plan.domain == "icu":
            return IcuDomain(part=part)
        return SimulatorDomain(part=part)

    def judge(self) -> Judge:
        """Who rules on debates."""
        if self.plan.domain == "icu":
            return LearnedJudge.load(self._needed(JUDGE))
        return BayesJudge(SimulatorDomain())

    def ideal(self) -> Judge:
        """Who judges with everything before its eyes."""
        return LearnedJudge.load(self._needed(IDEAL)) if self.plan.domain == "icu" else BayesJudge(SimulatorDomain())

    def confuser(self, seed: int, method: str) -> TrainedDebater | None:
        """The adversary of a debater; None when it is not trained yet."""
        name = f"confuser-{method}"
        return self.debater(seed, name) if (self.folder / f"seed{seed}" / f"{name}.safetensors").exists() else None

    def debater(self, seed: int, name: str) -> TrainedDebater:
        """A trained network by name, for example `maxmin` or `confuser-maxmin`."""
        return load_debater(self._needed(f"seed{seed}/{name}.safetensors"), self.judge())

    def stages(self) -> dict[str, Callable[[], None]]:
        """File -> how to make it, in the order in which they are made."""
        stages: dict[str, Callable[[], None]] = {}
        if self.plan.domain == "icu":
            stages[JUDGE] = lambda: self._train_judge(JUDGE, self.plan.trained_on, 1, self.plan.turns)
            stages[IDEAL] = lambda: self._train_judge(IDEAL, "all", 44, 44)
        for confuser in (False, True):
            for seed in range(self.plan.seeds):
                for method in self.plan.methods:
                    name = f"confuser-{method}" if confuser else method
                    stages[f"seed{seed}/{name}.safetensors"] = self._training(seed, method, confuser)
        return stages

    def train(self, *, quiet: bool = False) -> int:
        """Do what is missing; returns how many stages that was.

        Raises:
            UserError: another process trains there, the folder cannot be written, or an extra is missing.
        """
        self.domain(self.plan.trained_on)  # whatever it lacks is told before anything is written
        with alone(self.folder, "study"):
            write_json(self.folder / PLAN, self._wanted)
            return self._train(quiet)

    def _train(self, quiet: bool) -> int:
        stages = self.stages()
        missing = [name for name in stages if not (self.folder / name).exists()]
        threads = torch.get_num_threads()
        # These networks are so small that a second thread costs more than it brings.
        torch.set_num_threads(1)
        try:
            with Progress(len(stages), "training", quiet=quiet, done=len(stages) - len(missing)) as progress:
                for name in missing:
                    stages[name]()
                    progress.advance(name)
        finally:
            torch.set_num_threads(threads)
        return len(missing)

    def _needed(self, name: str) -> Path:
        path = self.folder / name
        if not path.exists():
            raise UserError(f"{path} is missing; run: progressgym debate train --out {self.folder}")
        return path

    def _train_judge(self, name: str, part: str, least: int, most: int) -> None:
        config = JudgeRecipe(
            least_pieces=least, most_pieces=most, batch=512, steps=self.plan.judge_steps, learning_rate=1e-3
        )
        train_judge(self.domain(part), config).save(self.folder / name)

    def _training(self, seed: int, method: str, confuser: bool) -> Callable[[], None]:
        def train() -> None:
            domain, judge, plan = self.domain(self.plan.trained_on), self.judge(), self.plan
            name = f"confuser-{method}" if confuser else method
            points = self.folder / "tensorboard" / f"seed{seed}-{name}"
            discard(points)  # of a killed attempt, which would be drawn over those of this one
            with RunLog(points) as log:

                def listen(progress: Update) -> None:
                    if progress.update % LOG_EVERY == 0:
                        _log(log, progress)

                start_file = self.folder / f"seed{seed}" / "isolated.safetensors"
                start = load_debater(start_file, judge).net if start_file.exists() else None
                if confuser:
                    debater = self.debater(seed, method).net
                    net = train_confuser(
                        debater,
                        domain,
                        judge,
                        plan.settings,
                        updates=plan.confuser_updates,
                        seed=seed,
                        method=method,
                        start=start,
                        listen=listen,
                    )
                else:
                    net = train_debater(method, domain, judge, plan.settings, seed=seed, start=start, listen=listen)
            record = {"method": name, "seed": str(seed), "judge": judge.fingerprint}
            save_debater(self.folder / f"seed{seed}" / f"{name}.safetensors", net, domain, record)

        return train


def _kind(plan: dict[str, Any]) -> dict[str, Any]:
    """What networks depend on."""
    return {key: value for key, value in plan.items() if key not in ("methods", "seeds")}


def _log(log: RunLog, progress: Update) -> None:
    values: dict[str, Any] = {
        "debate/accuracy": progress.accuracy,
        "debate/confidence": progress.confidence,
        "losses/policy": progress.learned.loss,
        "losses/value": progress.learned.value_loss,
        "losses/entropy": progress.learned.entropy,
        "losses/divergence": progress.learned.divergence,
    }
    for tag, value in values.items():
        log.scalar(tag, value, progress.update)
