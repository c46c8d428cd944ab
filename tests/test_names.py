"""Nobody recognises a challenge by name, and debates stay in their wing."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import progressgym

ROOT = Path(progressgym.__file__).parent
OWN = ("coevolve",)
"""In the name of a file: it is about that challenge."""
REGISTRATION = {"envs/__init__.py", "scores/__init__.py"}
PUBLISHED = {"scores/upstream.py", "scores/paper.py", "cli/import_upstream.py"}
"""Readers of the original ProgressGym's files, whose challenges have that name."""


def sources() -> Iterator[tuple[str, str]]:
    for folder, _, names in os.walk(ROOT, followlinks=True):  # packages may be links
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix in (".py", ".html", ".js", ".css") and "entries" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def code_words(text: str) -> Iterator[str]:
    """Names and strings of a module that are not docstrings."""
    tree = ast.parse(text)
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (alias.name for alias in node.names)


def test_no_challenge_is_recognised_by_name() -> None:
    """`grep -rn coevolve` finds its own files, the registration, data and docs."""
    others = {
        name: text for name, text in sources() if not any(word in name for word in OWN) and name not in REGISTRATION
    }
    assert len(others) > 250
    assert [name for name, text in others.items() if "coevolve" in text] == []
    recognising = [
        (name, word)
        for name, text in others.items()
        if name.endswith(".py") and name not in PUBLISHED
        for word in code_words(text)
        if "coevolve" in word.lower() and " " not in word.strip()
    ]
    assert recognising == []


def test_the_trunk_knows_no_debate() -> None:
    for name, text in sources():
        if name in ("agents/series.py", "agents/learner.py", "bench/scoring.py", "bench/execute.py", "bench/plan.py"):
            modules = [node.module or "" for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
            assert modules and not [module for module in modules if "debate" in module or "justify" in module], name
