"""A verifiers v1 plugin: `--env.taskset.id progressgym-text`, where this file's folder is on the Python path.

Played from Python with any OpenAI-compatible server:

    python examples/progressgym_text.py --url http://127.0.0.1:8000/v1 --model my-model --history gss-v1
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

import verifiers.v1 as vf
from verifiers.v1.utils.loaders import load_environment

from progressgym.envs.text.shells.verifiers import ProgressEnv, ProgressTaskset

__all__ = ["ProgressEnv", "ProgressTaskset"]
