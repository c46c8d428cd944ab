"""Pictures: every shape of input gives a picture, colours are centred at 0, axes name what they show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from progressgym.core.dimensions import CENTURIES, DIMENSIONS
from progressgym.core.seeding import generator
from progressgym.monitor import plots

RANDOM = generator(0, "tests", "plots")
HUMAN = RANDOM.normal(size=(9, 19)) * 0.1
AGENT = HUMAN[1:] + 0.02


def test_trajectories_have_a_panel_a_dimension() -> None:
    figure = plots.trajectories(CENTURIES, HUMAN, {"a": AGENT, "b?k=1": -AGENT}, title="T", subtitle="S")
    titles = [axes.get_title(loc="left") for axes in figure.axes[:19]]
    assert titles == list(DIMENSIONS)
    assert [text.get_text() for text in figure.texts] == ["T", "S"]
    (line,) = (line for line in figure.axes[0].get_lines() if line.get_label() == "human")
    np.testing.assert_allclose(np.asarray(line.get_ydata()), HUMAN[:, 0] - HUMAN[0, 0])


@pytest.mark.parametrize(
    "agents", [{}, {"x": np.full((8, 19), np.nan)}, {"x": AGENT[:3]}], ids=["none", "nan", "short"]
)
def test_gaps_and_absent_agents_are_drawn(agents: dict[str, np.ndarray]) -> None:
    human = HUMAN.copy()
    human[:, 3] = np.nan
    assert plots.to_array(plots.trajectories(CENTURIES, human, agents), dpi=40).std() > 0


def test_an_agent_that_runs_away_leaves_the_scale_readable() -> None:
    far = np.vstack([HUMAN[0] + step for step in range(8)])
    figure = plots.trajectories(CENTURIES, HUMAN, {"far": far}, subtitle="S")
    reach = 2 * np.abs(HUMAN - HUMAN[0]).max()
    assert figure.axes[0].get_ylim() == pytest.approx((-reach, reach))
    assert "the scale ends at 2 times" in figure.texts[1].get_text()


def test_heat_map_is_centred_at_zero() -> None:
    figure = plots.heat_map(CENTURIES, {"human": HUMAN, "agent": -3 * HUMAN})
    limits = {image.get_clim() for axes in figure.axes for image in axes.get_images()}
    assert limits == {(-float(np.abs(3 * HUMAN).max()), float(np.abs(3 * HUMAN).max()))}


def test_heat_map_of_nothing_is_drawn() -> None:
    for table in (np.zeros((9, 19)), np.full((9, 19), np.nan)):
        assert plots.to_array(plots.heat_map(CENTURIES, {"human": table}), dpi=40).std() > 0


def test_principal_axes_end_on_the_positive_side() -> None:
    """A drift along one direction: the first axis is that direction, with all of the drift."""
    direction = np.zeros(19)
    direction[[2, 5]] = [-0.6, 0.8]
    axes, shares = plots.principal_axes(np.arange(9.0)[:, None] * direction)
    np.testing.assert_allclose(axes[0], direction, atol=1e-12)
    assert shares == pytest.approx([1.0, 0.0])
    assert plots.principal_axes(np.zeros((9, 19)))[1] == [0.0, 0.0]


def test_files_are_pngs_and_reproducible(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        plots.save(plots.value_bars(HUMAN[0], np.abs(HUMAN[1]), title="T"), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.format == "PNG"


def test_century_matrix_shows_every_number() -> None:
    table = np.arange(9.0).reshape(3, 3) / 10
    figure = plots.century_matrix(["C013", "C014", "C015"], table, title="t", subtitle="s", rows="r", columns="c")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == [f".{n}00" for n in range(9)]
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["13", "14", "15"]


ODD = [
    "$a_$b$\\frac$",
    "_hidden",
    "100 $",
    "a\nb\tc",
    "\ud800 half",
    "\x00\x1b[2J",
    "x" * 5000,
    "\u6f22\u5b57",
    "",
    "\\alpha_{",
]


@pytest.mark.parametrize("name", ODD)
def test_any_name_is_drawn_as_it_is_written(name: str) -> None:
    labels = [f"{name}{t}" for t in range(9)]
    figures = [
        plots.heat_map(labels, {name: HUMAN}, title=name, subtitle=name, unit=name),
        plots.value_bars(HUMAN[0], np.abs(HUMAN[0]), title=name, subtitle=name),
        plots.century_matrix(labels, np.abs(HUMAN[:, :9]), title=name, subtitle=name, rows=name, columns=name),
    ]
    for figure in figures:
        assert plots.to_array(figure, dpi=30).std() > 0
        from matplotlib.text import Text

        for text in figure.findobj(Text):
            assert isinstance(text, Text) and not text.get_parse_math() and len(text.get_text()) < 3000


def test_titles_keep_their_signs() -> None:
    figure = plots.value_bars(HUMAN[0], np.abs(HUMAN[0]), title="costs $a_1$ and\n$b$", subtitle="")
    plots.to_array(figure, dpi=30)
    assert figure.texts[0].get_text() == "costs $a_1$ and $b$"


def test_a_picture_that_fails_costs_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failures: list[str] = []
    with plots.extra(tmp_path / "p.png", failures):
        raise RuntimeError("no\nfont")
    (line,) = capsys.readouterr().err.splitlines()
    assert "p.png could not be drawn: RuntimeError: no font" in line and len(failures) == 1
