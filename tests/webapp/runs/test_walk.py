"""From a request to a stored picture, with a fake runner."""

import pytest

from tests.webapp.conftest import Caller
from tests.webapp.prompts import text_to_image
from webapp.runs.agent import Agent

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_run_that_was_posted_brings_out_an_asset(as_alice: Caller, agent: Agent) -> None:
    posted = as_alice.post("runs", {"prompt": text_to_image()})
    assert posted.status_code == 201, posted.content
    agent.work_until_idle()
    run = as_alice.get(f"runs/{posted.json()['id']}").json()
    assert run["status"] == "succeeded"
    assert [output["asset"]["name"] for output in run["outputs"]] == ["cat_00001_.png"]
