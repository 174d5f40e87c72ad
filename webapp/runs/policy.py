"""Which queued run a worker takes next: pure code, so that fairness can be tested without a database.

First come, first served for now. Fair shares of GPU time and warm models come in here, with the candidates'
workspace and models as further fields.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

# How far down the queue a policy may look.
LOOKAHEAD = 32


@dataclass(frozen=True)
class Candidate:
    """A queued run as the policy sees it."""

    run_id: UUID


def choose(candidates: Sequence[Candidate]) -> Candidate | None:
    """The run to take of `candidates`, which come oldest first."""
    return candidates[0] if candidates else None
