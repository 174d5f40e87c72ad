"""Examples are opened from their pictures and run as they are, with what they need."""

from playwright.sync_api import expect

from tests.e2e.editor import Editor


def test_an_example_brings_its_picture_and_runs(editor: Editor) -> None:
    editor.page.get_by_role("button", name="Workflows", exact=True).click()
    editor.page.get_by_role("button", name="Open the example Inpainting").click()
    expect(editor.node("VAEEncodeForInpaint")).to_be_visible()
    expect(editor.page.get_by_role("complementary", name="Workflows")).to_be_hidden()
    editor.run()
    editor.wait_for_result()
    assert editor.complaints == []


def test_every_example_shows_a_picture(editor: Editor) -> None:
    editor.page.get_by_role("button", name="Workflows", exact=True).click()
    examples = editor.page.get_by_role("button", name="Open the example")
    expect(examples).to_have_count(6)
    widths = "images => images.map((image) => image.naturalWidth)"
    editor.wait_until(lambda: min(examples.locator("img").evaluate_all(widths)) >= 128)
