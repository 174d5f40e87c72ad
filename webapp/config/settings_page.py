"""The reference page of all settings, written from the environment class."""

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from webapp.config.environment import BASE, Environment

PAGE = BASE / "docs" / "reference" / "settings.md"
HEAD = """\
# Settings

Environment variables, all of them optional. Generated from `webapp/config/environment.py` by `make generate`.

| variable | default | what it sets |
|---|---|---|
"""


def render_settings() -> str:
    """The page as Markdown."""
    return HEAD + "".join(_row(name, field) for name, field in Environment.model_fields.items())


def _row(name: str, field: FieldInfo) -> str:
    return f"| `{_variable(name, field)}` | {_default(field)} | {field.description} |\n"


def _variable(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return f"{Environment.model_config.get('env_prefix', '')}{name}".upper()


def _default(field: FieldInfo) -> str:
    if field.default in ("", None):
        return "–"
    return f"`{str(field.default).removeprefix(f'{BASE}/')}`"
