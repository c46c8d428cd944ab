"""Draw `docs/images/house.svg`: the floors of the package, as the import contract in `pyproject.toml` has them.

python docs/draw_house.py            writes the picture
python docs/draw_house.py --check    exits with code 1 when it is out of date
"""

from __future__ import annotations

import sys
import tomllib
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "images" / "house.svg"
ROOMS = {
    "cli": "commands and their options",
    "leaderboard": "verified standings",
    "bench": "run cells, score, tabulate",
    "agents": "references, lifelong and extrapolative learners, filters, debaters",
    "envs": "Gymnasium and PettingZoo, one by one and by the thousand",
    "preferences": "comparisons, their labels and export, judges of debates",
    "histories": "centuries of answers: measured, surveyed, built from text, synthetic, live",
    "scores": "utilities, skill, intervals",
    "tuning": "fine-tuning language models",
    "raters": "ratings of texts",
    "instruments": "items, values, readings",
    "models": "language models",
    "losses": "what a preference costs",
    "monitor": "progress, TensorBoard, pictures",
    "core": "names, errors, seeds, files",
}
"""What is in a room."""
WIDTH, FLOOR, GAP, ROOF, MARGIN = 860, 46, 4, 58, 16
WALLS = ("#0f766e", "#0d9488")
FONT = "font-family='system-ui, sans-serif'"


def floors() -> list[list[str]]:
    """Rooms of each floor, the top one first."""
    with open(ROOT / "pyproject.toml", "rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if "progressgym" in one.get("containers", ()))
    return [[room.strip() for room in layer.split("|")] for layer in layers]


def picture() -> str:
    """The house as SVG."""
    plan = floors()
    height = MARGIN + ROOF + len(plan) * (FLOOR + GAP) + 40
    left, inner = MARGIN, WIDTH - 2 * MARGIN
    parts = [
        (
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' height='{height}' role='img'"
            " aria-label='The floors of progressgym; each imports only floors below it'>"
        ),
        f"<rect width='{WIDTH}' height='{height}' fill='#ffffff'/>",
        f"<polygon points='{WIDTH // 2},{MARGIN} {WIDTH - 4},{MARGIN + ROOF - GAP} 4,{MARGIN + ROOF - GAP}' fill='#134e4a'/>",
        _text(WIDTH / 2, MARGIN + ROOF - 18, "progressgym", size=18, colour="#ffffff", weight=700),
    ]
    for level, rooms in enumerate(plan):
        top, width = MARGIN + ROOF + level * (FLOOR + GAP), (inner - GAP * (len(rooms) - 1)) / len(rooms)
        for number, room in enumerate(rooms):
            x = left + number * (width + GAP)
            parts.append(
                f"<rect x='{x:.1f}' y='{top}' width='{width:.1f}' height='{FLOOR}' rx='3' fill='{WALLS[level % 2]}'/>"
            )
            parts.append(_text(x + width / 2, top + 20, room, size=15, colour="#ffffff", weight=700))
            parts.append(_text(x + width / 2, top + 37, ROOMS[room], size=12, colour="#f0fdfa"))
    below = MARGIN + ROOF + len(plan) * (FLOOR + GAP) + 20
    parts.append(
        _text(
            WIDTH / 2,
            below,
            "a floor imports only floors below it; rooms side by side never import each other",
            size=12,
            colour="#334155",
        )
    )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, *, size: int, colour: str, weight: int = 400) -> str:
    return (
        f"<text x='{x:.1f}' y='{y}' {FONT} font-size='{size}' font-weight='{weight}' fill='{colour}' text-anchor='middle'>"
        f"{escape(text)}</text>"
    )


def main() -> int:
    """Write it, or say whether it is out of date."""
    if "--check" in sys.argv[1:]:
        return int(not PICTURE.is_file() or PICTURE.read_text(encoding="utf-8") != picture())
    PICTURE.write_text(picture(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
