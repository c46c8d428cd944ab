"""Which challenges a benchmark runs, by name; what a challenge is, is said in `progressgym.envs.challenge`."""

from __future__ import annotations

from progressgym.envs import BENCHMARKED as DEFAULTS
from progressgym.envs.challenge import CHALLENGES as IDS
from progressgym.envs.challenge import Challenge, parse_challenge

__all__ = ["DEFAULTS", "IDS", "Challenge", "parse_challenge"]
