"""The web process and whatever reads graphs live without torch: hundreds of MB, seconds to load."""

import subprocess
import sys

import pytest

from tests.architecture.source import ROOT


@pytest.mark.parametrize("module", ["webapp.config.asgi", "webapp.config.urls", "engine.api", "engine.graph"])
def test_importing_it_loads_no_torch(module: str) -> None:
    heavy = "{'torch', 'transformers', 'safetensors', 'tokenizers', 'PIL', 'numpy'}"
    setup = (
        "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'webapp.config.settings'; django.setup()"
    )
    code = f"import sys; {setup}; import {module}; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.stdout.strip() == "[]", result.stderr


def test_a_web_process_that_has_answered_requests_has_loaded_no_torch() -> None:
    code = """
import sys
from django.test import Client, override_settings
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "webapp.config.settings"
django.setup()
from django.core.handlers.asgi import ASGIHandler
with override_settings(ALLOWED_HOSTS=["testserver"]):
    client = Client()
    assert client.get("/health").status_code == 200
    assert client.get("/api/v1/openapi.json").status_code == 200
print("torch" in sys.modules)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.stdout.strip() == "False", result.stderr
