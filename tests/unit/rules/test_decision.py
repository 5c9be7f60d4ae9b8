"""A decision as bytes."""

import json
from dataclasses import replace

from rules.catalog import Catalog
from rules.decide import decide
from rules.spec import Spec


def test_a_decision_is_written_as_canonical_json(catalog: Catalog, spec: Spec) -> None:
    """Sorted, without spaces, whole numbers only; what is in it can be read without the engine."""
    written = decide(catalog, replace(spec, right=replace(spec.right, sphere=-513)), revision="abc").to_bytes()
    plain = json.loads(written)

    assert written == json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert (plain["engine"], plain["revision"], plain["accepted"]) == ("1", "abc", True)
    assert plain["violations"][0].keys() == {"alternatives", "code", "field", "message", "rule", "severity"}
    assert plain["lenses"][0]["blank"] == "sf-cr39-400-65"
    assert ["base-curve", "minus", "R"] in plain["fired"]
    assert plain["price"]["total"] == 13250
    assert b"." not in written.split(b'"violations"')[0].replace(b"sf-", b"")


def test_the_geometry_is_no_part_of_what_was_decided(catalog: Catalog, spec: Spec) -> None:
    """It is a way to the result."""
    decision = decide(catalog, spec)

    assert replace(decision, geometry={}) == decision
    assert replace(decision, geometry={}).to_bytes() == decision.to_bytes()
