from webapp.config.environment import BASE
from webapp.config.urls import api


def test_the_schema_that_the_front_end_is_generated_from_is_fresh() -> None:
    from importlib import import_module

    command = import_module("webapp.config.management.commands.openapi")
    assert (BASE / "frontend" / "openapi.json").read_text(encoding="utf-8") == command.render_schema()


def test_every_operation_has_a_summary() -> None:
    operations = [
        operation for path in api.get_openapi_schema()["paths"].values() for operation in path.values()
    ]
    assert all(operation["summary"] for operation in operations)
