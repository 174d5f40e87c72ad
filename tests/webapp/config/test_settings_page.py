from webapp.config.settings_page import PAGE, render_settings


def test_the_page_of_settings_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_settings()


def test_variables_with_an_established_name_keep_it() -> None:
    assert "| `DATABASE_URL` |" in render_settings()
