"""From the browser, through a real queue and a real model, to a stored asset."""

from pathlib import Path
from urllib.parse import urljoin

import pytest
from playwright.sync_api import expect

from tests.e2e.editor import Editor

PROMPT = "a red circle on a blue square"


@pytest.fixture
def finished(editor: Editor) -> Editor:
    """A 12-step run at 256 x 256, watched to its end."""
    editor.set_prompt(PROMPT)
    editor.set_value("KSampler", "steps", "12")
    editor.set_value("EmptyLatentImage", "width", "256")
    editor.set_value("EmptyLatentImage", "height", "256")
    editor.run()
    editor.wait_for_result()
    return editor


@pytest.fixture
def picture(finished: Editor) -> Path:
    """The run's PNG, fetched as the page fetches it."""
    source = finished.wait_for_result().get_attribute("src")
    assert source is not None
    answer = finished.page.request.get(urljoin(finished.url, source))
    path = finished.folder / "made_here.png"
    path.write_bytes(answer.body())
    return path


def test_steps_and_previews_arrive_before_the_result(finished: Editor) -> None:
    first_output = next(i for i, event in enumerate(finished.heard.events) if event["type"] == "output")
    steps = [event for event in finished.heard.events[:first_output] if event["type"] == "progress"]
    assert len(steps) >= 10
    assert len(set(finished.heard.previews)) >= 3


def test_the_result_is_a_picture_of_the_asked_size(finished: Editor) -> None:
    size = finished.wait_for_result().evaluate("image => [image.naturalWidth, image.naturalHeight]")
    assert size == [256, 256]


def test_it_is_all_still_there_after_a_reload(finished: Editor) -> None:
    finished.page.reload()
    finished.wait_until_ready()
    assert finished.prompt_text() == PROMPT
    expect(finished.node("SaveImage").get_by_test_id("node-result").first).to_be_visible()
    expect(finished.filmstrip().first).to_be_visible()


def test_dropping_the_picture_gives_its_graph_back(finished: Editor, picture: Path) -> None:
    finished.set_prompt("something else")
    finished.drop(picture, "image/png")
    finished.wait_until(lambda: finished.prompt_text() == PROMPT)
    expect(finished.node("KSampler")).to_have_count(1)


def test_the_console_stays_clean(finished: Editor) -> None:
    assert finished.complaints == []
