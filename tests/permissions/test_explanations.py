"""GET /v1/explain says what the request itself would be answered."""

import random
from collections import Counter

import pytest

from algorithms.api.explaining.answers import explain
from tests.permissions.door import Door, agree
from tests.permissions.operations import operations
from tests.permissions.world import random_world

WORLDS = 10
TUPLES = 2_000
# A key that is refused has no principal that could be asked about.
_UNKNOWN_KEY = 401


@pytest.mark.parametrize("seed", range(WORLDS))
def test_explanations_and_requestsagree(seed: int, door: Door) -> None:
    """20,000 random tuples of asker, operation and objects, in all."""
    dice = random.Random(seed)
    world = random_world(dice)
    every = list(operations())
    seen: Counter[str] = Counter()
    differ = []
    for _ in range(TUPLES):
        asker, operation = dice.choice(world.askers), dice.choice(every)
        parts = world.parts(dice)
        method, target, body = operation.request(parts)
        status = door.status(asker.secret, method, target, body)
        if asker.principal is None and asker.secret is not None:
            assert status == _UNKNOWN_KEY or operation.ignores_keys
            continue
        found = explain(asker.principal, method, target.partition("?")[0], operation.options)
        if not agree(found, status):
            differ.append((asker.name, method, target, found.allowed, found.rule, status))
        seen["allowed" if found.allowed else str(status)] += 1
    assert not differ
    # All kinds of answers have been met often enough to say something.
    assert all(seen[kind] > TUPLES // 50 for kind in ("allowed", "401", "403", "404")), seen


def test_explanation_does_not_tell_the_hidden_from_the_missing(door: Door) -> None:
    world = random_world(random.Random(1))
    stranger = next(each for each in world.askers if each.name.startswith("user"))
    assert stranger.principal is not None
    hidden = [
        explain(stranger.principal, "GET", f"/v1/algorithms/{parts['owner']}/{name}", {})
        for parts in world.algorithms
        for name in (parts["algorithm"], "Missing")
    ]
    refused = {(each.rule, each.action, each.error.text) for each in hidden if each.error}
    assert len(refused) == 1
