"""pytest -p tests.environment: settings of the service for tests, made before Django reads any."""

import atexit
import os
import shutil
import tempfile

FOREIGN = ("DATABASE_URL", "REDIS_URL", "ATELIER_MODELS", "ATELIER_PUBLIC_URL", "ATELIER_BIND")


def _set_up() -> None:
    """A data folder for this process alone (each xdist worker is one), nothing from the person's shell."""
    data = tempfile.mkdtemp(prefix="atelier-test-")
    atexit.register(shutil.rmtree, data, ignore_errors=True)
    for name in FOREIGN:
        os.environ.pop(name, None)
    os.environ["ATELIER_DATA"] = data
    # Tests run side by side: threads of one that spin for work would take the cores from the others.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["ATELIER_SECRET_KEY"] = "a key for tests"
    # Set by tests/webapp/test_on_postgres.py, which runs the service's tests a second time.
    if "ATELIER_TEST_DATABASE_URL" in os.environ:
        os.environ["DATABASE_URL"] = os.environ["ATELIER_TEST_DATABASE_URL"]


_set_up()
