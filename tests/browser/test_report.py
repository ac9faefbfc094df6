"""A report of three runs over the drawn world, as a person uses it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from alref_local.report import report
from alref_local.visible import visible
from tests.browser.page import Page
from tests.cli.kit import call
from tests.payloads import PAYLOADS
from tests.report.report_kit import UNEVEN, hostile_runs, plain_runs, uneven_runs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # three evaluations come first
CLIPS = 3


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, chromium: object) -> Path:
    """Three runs with the bundled models: one that reasons, and two baselines."""
    folder = tmp_path_factory.mktemp("drawn")
    runs = []
    for backend in ("tiny", "none", "none-middle"):
        runs.append(folder / backend)
        words = [
            "evaluate",
            "world",
            "--split",
            f"ladder:800000:{CLIPS}",
            "-c",
            "tiny",
            "-b",
            backend,
            "--no-cache",
        ]
        assert call(*words, "--run", runs[-1], "--workers", "1") == 0
    report(runs, folder / "report")
    return folder / "report"


def test_list(drawn: Path, page: Page) -> None:
    """Figures, order, search, filters or the keyboard would not work, or need a network."""
    page.open(drawn)
    assert page.texts(".home") == ["tiny, none, none-middle"]
    assert len(page.all(".verdict")) == 3
    names = page.texts("#rows .words a")
    assert len(names) == CLIPS
    page.wait(
        lambda: page.script(
            "return [...document.images].every((one) => one.complete && one.naturalWidth > 0)"
        )
    )

    scores = (
        "return [...document.querySelectorAll('#rows .score:nth-child(3)')].map((one) => +one.textContent)"
    )
    page.one("#rows th:nth-child(3) button").click()
    rising = page.script(scores)
    assert rising == sorted(rising)
    assert page.state() == "sort=score0"
    page.one("#rows th:nth-child(3) button").click()
    assert page.script(scores) == rising[::-1]
    assert page.one("#rows th[aria-sort]").get_attribute("aria-sort") == "descending"

    page.press("/")
    page.press(names[1])
    page.wait(lambda: page.texts("#rows .words a") == [names[1]])
    page.press("\ue003" * len(names[1]))  # backspace
    page.wait(lambda: len(page.all("#rows tbody tr")) == CLIPS)
    page.choose("show", "differ")
    assert len(page.all("#rows tbody tr")) == len(page.all("#rows tr:has(.tag)"))
    page.choose("show", "none")
    assert page.script(scores) == [score for score in rising[::-1] if score in page.script(scores)]
    assert "show=none" in page.state()

    page.press("\ue00c")  # escape: out of the select
    page.press("?")
    assert "next, previous sentence" in page.one("dialog").text
    page.one("dialog button").click()
    assert page.requested() <= {"file", "data"}
    assert page.errors() == []


def test_sentence(drawn: Path, page: Page) -> None:
    """The page of a sentence would lack what a model saw, said or chose, or could not be left by keys."""
    page.open(drawn)
    page.press("j")
    page.press("j")
    second = page.texts("#rows .words a")[1]
    assert page.script("return document.activeElement.textContent") == second
    page.press("\ue007")  # enter
    assert page.one("#item h1").text == second
    assert page.state() == "item=ladder-800001&sentence=0"
    assert page.texts("#item article .name") == ["tiny", "none", "none-middle"]
    assert any("ANSWER:" in reply for reply in page.texts(".reply pre"))
    assert len(page.all(".strip")) >= 2
    assert page.all("figure rect.chosen")
    assert page.all("figure rect.candidate")
    assert page.all(".mark")
    assert page.all(".timeline .bar.truth")

    ready = "return [...document.querySelectorAll('video')].map((one) => one.readyState)"
    page.wait(lambda: min(page.script(ready)) >= 2)
    times = "return [...document.querySelectorAll('video')].map((one) => one.currentTime)"
    page.press("\ue014")  # right: one frame on
    page.wait(lambda: page.script(times) == pytest.approx([1.5 / 12] * 3, abs=1e-3))
    page.press("\ue012")
    page.wait(lambda: page.script(times) == pytest.approx([0.5 / 12] * 3, abs=1e-3))
    page.press(" ")
    page.wait(lambda: min(page.script(times)) > 0.3)
    page.press(" ")
    assert page.script("return [...document.querySelectorAll('video')].every((one) => one.paused)")

    page.press("j")
    page.wait(lambda: "800002" in page.state())
    page.press("k")
    page.wait(lambda: "800001" in page.state())
    page.press("\ue00c")
    page.wait(lambda: page.all("#rows"))
    assert page.script("return document.activeElement.textContent") == second
    page.open(drawn, item="ladder-800002")
    assert "3 of 3" in page.one(".crumbs").text
    assert page.errors() == []


@pytest.mark.parametrize("dark", [False, True])
def test_phone(drawn: Path, page: Page, dark: bool) -> None:
    """On a phone a reader would have to scroll sideways, or read dark on dark."""
    page.resize(380, 800, dark=dark)
    for state in ({}, {"item": "ladder-800000"}):
        page.open(drawn, **state)
        assert page.script("return document.documentElement.scrollWidth") <= 380
        ink, paper = page.script(
            "const style = getComputedStyle(document.body); return [style.color, style.backgroundColor].map("
            "(one) => one.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0))"
        )
        assert (ink > paper) == dark
        assert abs(ink - paper) > 400


def test_words_of_others(tmp_path: Path, page: Page) -> None:
    """A model could run a script in the browser of who reads its replies."""
    runs = hostile_runs(tmp_path / "runs")
    report(runs, tmp_path / "made")
    page.open(tmp_path / "made")
    listed = [visible(one.encode("utf-8", "replace").decode()) for one in PAYLOADS]
    assert (
        page.script("return [...document.querySelectorAll('#rows .words a')].map((one) => one.textContent)")
        == listed
    )
    for number, word in enumerate(PAYLOADS):
        name = word.encode("utf-8", "replace").decode()
        page.go(item=visible(f"{name} {number}"))
        assert page.script("return document.querySelector('#item h1').textContent") == listed[number]
        replies = page.script(
            "return [...document.querySelectorAll('.reply pre')].map((one) => one.textContent)"
        )
        assert visible(word, lines=True) in replies
        things = page.script("return [...document.querySelectorAll('.thing')].map((one) => one.textContent)")
        assert set(things) == {listed[number]}
    assert page.script("return window.pwned") is None
    assert (
        page.script("return document.querySelectorAll('iframe, base, style, object, embed, [onload]').length")
        == 0
    )
    assert page.script("return [...document.scripts].every((one) => /assets\\/\\w+\\.js$/.test(one.src))")
    assert page.requested() <= {"file", "data"}


def test_injected_markup_does_not_run(tmp_path: Path, page: Page) -> None:
    """Should some text become markup one day, the page's policy would not stop it."""
    report(plain_runs(tmp_path / "runs", 1), tmp_path / "made")
    page.open(tmp_path / "made")
    refused = page.script(
        "try { document.body.innerHTML = '<b>x</b>'; return false; } catch { return true; }"
    )
    assert refused
    done = page.driver.execute_async_script(
        "const done = arguments[0]; fetch('https://example.org/').then(() => done('sent'), () => done('refused'))"
    )
    assert done == "refused"
    assert "http" not in "".join(page.requested())


def test_many_pages(tmp_path: Path, page: Page) -> None:
    """Only the first sentences of a long list could be reached, or all would be drawn at once."""
    report(plain_runs(tmp_path / "runs", 120, pictures=False), tmp_path / "made")
    page.open(tmp_path / "made")
    assert len(page.all("#rows tbody tr")) == 50
    page.press("n", "n")
    assert len(page.all("#rows tbody tr")) == 20
    assert "120 of 120, page 3 of 3" in page.one("#pages").text
    page.press("p")
    assert page.state() == "page=2"
    page.open(tmp_path / "made", q="v117", sort="gap")
    assert page.texts("#rows small") == ["v117 box frame references"]


def test_steps_are_frames_where_the_rate_varies(tmp_path: Path, page: Page) -> None:
    """A step would stay on a frame, or leap over several, and a pivot would be marked at another moment."""
    report(uneven_runs(tmp_path / "runs"), tmp_path / "made")
    page.open(tmp_path / "made", item="v0")
    ready = "return Math.min(...[...document.querySelectorAll('video')].map((one) => one.readyState))"
    page.wait(lambda: page.script(ready) >= 2)
    times = "return [...document.querySelectorAll('video')].map((one) => one.currentTime)"

    def stands_on(frame: int) -> bool:
        middle = (UNEVEN[frame] + UNEVEN[frame + 1]) / 2
        return bool(page.script(times) == pytest.approx([middle] * 2, abs=2e-3))

    for frame in range(1, 11):
        page.press("\ue014")  # right: one frame on
        page.wait(partial(stands_on, frame))
    page.press("\ue012")
    page.wait(partial(stands_on, 9))
