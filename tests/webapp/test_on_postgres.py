"""What the database decides, a second time on a real Postgres: claims, rights, bad input."""

import os
import subprocess
import sys

import pytest

from tests.postgres import fresh_database
from webapp.config.environment import BASE

pytestmark = pytest.mark.slow


def test_runs_and_rights_hold_on_postgres() -> None:
    with fresh_database() as url:
        result = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                "tests/webapp/runs",
                "tests/webapp/test_rights.py",
                "tests/webapp/assets",
                "tests/webapp/workflows",
            ],
            cwd=BASE,
            env={**os.environ, "ATELIER_TEST_DATABASE_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
    assert result.returncode == 0, result.stdout[-5000:]
    assert " passed" in result.stdout
