"""Names: nobody recognises a challenge by one, debates stay in their wing, faces list what is public, variables are nouns."""

from __future__ import annotations

import ast
import importlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

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


PARTICIPLES = {"told", "shown", "known", "found", "kept"}
SERIALISED = {"leaderboard/server/api.py": {"shown"}}
"""Keys of answers that clients read."""
FIELDS = {
    "envs/debate/transcript.py": {"shown"},
    "instruments/import_report.py": {"kept"},
    "leaderboard/site/pages.py": {"told"},
    "models/endpoints/model.py": {"kept"},
}
"""Fields and arguments that users name."""
SAID_ONCE = ("evidence", "scoring", "stance", "tables", "report", "agent")
NO_PYTHON = ("progressgym.cli", "progressgym.data")
"""Packages without public names: commands, and what ships."""


def packages() -> list[str]:
    folders = sorted({name.rpartition("/")[0] for name, _ in sources() if name.endswith("/__init__.py")})
    return ["progressgym", *(f"progressgym.{folder.replace('/', '.')}" for folder in folders)]


@pytest.mark.parametrize("package", [name for name in packages() if not name.startswith(NO_PYTHON)])
def test_a_face_lists_its_names_one_line_each(package: str) -> None:
    face = importlib.import_module(package)
    assert face.__file__ is not None
    text = Path(face.__file__).read_text(encoding="utf-8")
    assert face.__all__ and len(set(face.__all__)) == len(face.__all__)
    for name in face.__all__:
        getattr(face, name)
        assert name == "__version__" or re.search(rf'^    "{name}",  # \w', text, re.MULTILINE), name
    with pytest.raises(AttributeError, match="no attribute 'nobody'"):
        face.nobody  # noqa: B018


def test_what_users_read_imports_from_faces_alone() -> None:
    """Whatever stands in the README, the documentation and the examples is public."""
    repository = ROOT.parent
    pages = [repository / "README.md", *(repository / "docs").rglob("*.md"), *(repository / "examples").rglob("*.py")]
    if not pages[0].is_file():
        pytest.skip("needs the repository, not an installed package")
    imports = [
        (page.name, package, name.strip())
        for page in pages
        for package, names in re.findall(
            r"^ *from (progressgym(?:\.\w+)*) import ([\w, ]+)$", page.read_text("utf-8"), re.MULTILINE
        )
        for name in names.split(",")
    ]
    assert len(imports) > 50
    faces = {*packages(), "progressgym.losses"}
    assert [one for one in imports if one[1] not in faces] == []
    inside = [
        (page, package, name)
        for page, package, name in imports
        if package != "progressgym.losses" and name not in importlib.import_module(package).__all__
    ]
    assert inside == []


def test_a_file_says_what_it_holds() -> None:
    stems = [Path(name).stem for name, _ in sources() if name.endswith(".py")]
    assert [word for word in SAID_ONCE if stems.count(word) > 1] == []


def test_variables_are_nouns() -> None:
    """No `found = ...`: what was found has a name."""
    allowed = {name: SERIALISED.get(name, set()) | FIELDS.get(name, set()) for name, _ in sources()}
    seen = [
        (name, word)
        for name, text in sources()
        if name.endswith(".py") and any(word in text for word in PARTICIPLES)
        for word in sorted({*bound_names(text)} & PARTICIPLES - allowed[name])
    ]
    assert seen == []


def bound_names(text: str) -> Iterator[str]:
    """Variables, arguments and functions."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name


def test_one_word_for_one_thing() -> None:
    """Config: arguments of a run. Recipe: how something is trained. Settings: of the server alone."""
    classes = [
        (name, node.name)
        for name, text in sources()
        if name.endswith(".py")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef)
    ]
    assert [name for name, one in classes if one.endswith("Settings")] == ["leaderboard/server/settings.py"]
    assert [one for _, one in classes if one.endswith(("Parameters", "Hyperparameters", "Arguments"))] == []
