"""Decides what is asked for, and does not decide the same twice.

A form asks about an order at every change, and its submit asks once more about what was decided last; so decisions are
kept for a while, by revision, spec and account. What only lens and account distinguish has its geometry in common: the
arithmetic over a traced shape, which is most of a decision's cost, is done once for them.
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from hashlib import sha256
from typing import Generic, TypeVar

from lensmesh.lims.v1.job_pb2 import JobSpec

from optics.eyes import Side
from rules.catalog import Catalog
from rules.decide import decide
from rules.decision import Decision, Geometry
from services.lims import messages
from services.lims.model import Ordered, Revision

_KEPT = 256

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Decisions:
    """The decisions of one process, the latest in memory."""

    def __init__(self, kept: int = _KEPT) -> None:
        """Takes how many are kept."""
        self._decisions: _Latest[tuple[str, bytes, str], Decision] = _Latest(kept)
        self._geometries: _Latest[bytes, Mapping[Side, Geometry]] = _Latest(kept)

    def decide(self, revision: Revision, catalog: Catalog, asked: Ordered) -> Decision:
        """Returns what a revision's catalog says of what is asked for."""
        key = revision.digest, asked.digest, asked.account
        decision = self._decisions.get(key)
        if decision is None:
            shapes = _digest_of_shapes(asked.message)
            kept = self._geometries.get(shapes)
            decision = decide(catalog, messages.spec(asked), revision=revision.digest, kept=kept)
            self._decisions.keep(key, decision)
            self._geometries.keep(shapes, decision.geometry)
        return decision


class _Latest(Generic[K, V]):
    """So many values, the latest used."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def keep(self, key: K, value: V) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._most:
            self._values.popitem(last=False)


def _digest_of_shapes(message: JobSpec) -> bytes:
    """Returns what a spec's geometry is known by: all of the spec but the lens."""
    shapes = JobSpec(eyes=message.eyes, prescription=message.prescription, frame=message.frame)
    return sha256(shapes.SerializeToString(deterministic=True)).digest()
