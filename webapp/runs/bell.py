"""The bell: a message that says "there may be work" and names none. Losing or doubling one is harmless."""

import logging

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from webapp.runs.tasks import look_for_work

# A bell that nobody heard for this long says nothing that the next sweep does not say.
EXPIRES_S = 60
log = logging.getLogger(__name__)


def ring_workers() -> None:
    """Wake an idle worker. Never fails: if the broker is away, the next sweep rings again."""
    try:
        look_for_work.apply_async(expires=EXPIRES_S, retry=False, ignore_result=True)
    except (OperationalError, RedisError, OSError) as error:
        log.warning("no bell for the workers, the sweep will ring: %s", error)
