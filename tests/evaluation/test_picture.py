"""The precision of the first answers as a picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli, make_music
from evaluations import BETTER, MAX, OWN, PLAIN, WORSE, evaluation
from fake_encoder import FakeEncoder

from audiosim.evaluation.picture import MOST, chosen, curve, render_evaluation
from audiosim.evaluation.variants import Variant
from audiosim.indexing.pipeline import index_folder
from audiosim.library.hubness import HUB_CORRECTIONS

PNG = b"\x89PNG\r\n\x1a\n"


def test_a_curve_is_the_precision_at_each_rank_with_its_interval() -> None:
    hits = np.array([[True, False, True], [False, False, True]])
    one = curve("x", hits)
    assert [point.value for point in one.points] == pytest.approx([0.5, 0.25, 0.5])
    assert all(point.low <= point.value <= point.high for point in one.points)


def test_the_best_are_drawn_and_what_the_home_has() -> None:
    others = [Variant(p, c, h) for p in ("max", "mean-std") for c in (False, True) for h in HUB_CORRECTIONS]
    told = evaluation(*((one, BETTER + n / 100) for n, one in enumerate(others)))
    drawn = [result.variant for result in chosen(told)]
    assert len(drawn) == MOST
    assert drawn == [*others[::-1][: MOST - 1], OWN]


def test_every_curve_has_a_name_and_intervals_as_the_caption_says(monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figures: list[Any] = []
    draw = FigureCanvasAgg.print_figure

    def spied(canvas: Any, *args: Any, **options: Any) -> Any:
        figures.append(canvas.figure)
        return draw(canvas, *args, **options)

    monkeypatch.setattr(FigureCanvasAgg, "print_figure", spied)
    told = replace(evaluation((MAX, BETTER), (PLAIN, WORSE)), labels="/a $x^2/moods $.csv")
    assert render_evaluation(told).startswith(PNG)
    (axes,) = figures[0].axes
    named = [text.get_text() for text in axes.get_legend().get_texts()]
    assert named == [MAX.name, f"{OWN.name} (as it is here)", PLAIN.name, "random answers"]
    assert len(axes.collections) == 3
    assert any(text.get_text() == "Bars: 95 % intervals over queries" for text in figures[0].texts)
    assert any("(moods $.csv)" in text.get_text() for text in figures[0].texts)
    for text in figures[0].texts:
        box = text.get_window_extent()
        assert box.x1 <= figures[0].bbox.x1
        assert box.y1 <= figures[0].bbox.y1


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    index_folder([make_music(folder / "music")], home=folder / "home", encoder=FakeEncoder())
    return folder / "home"


def test_the_command_writes_the_picture_beside_its_table(home: Path, cli: Cli, tmp_path: Path) -> None:
    for number, words in enumerate((("--pooling", "all"), ("--against", str(home)), ("--json",))):
        file = tmp_path / f"{number}.png"
        done = cli("eval", "--home", home, "--png", file, *words)
        assert done.code == 0, done.err
        assert file.read_bytes().startswith(PNG)
        assert done.out
        assert done.err.endswith(f"{number}.png\n")


def test_a_folder_that_is_not_there_is_an_error_before_any_work(home: Path, cli: Cli, tmp_path: Path) -> None:
    done = cli("eval", "--home", home, "--png", tmp_path / "none" / "a.png")
    assert (done.code, done.out) == (2, "")
    assert "there is no folder" in done.err
