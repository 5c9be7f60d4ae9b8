"""A lab so small that all of it can be checked in a second: what tests draft, publish and take back."""

from collections.abc import Mapping

FLOOR = """\
# The floor, and what is made on it.
stations:
  - {id: surfacing, name: Surfacing, description: Being surfaced}
  - {id: shipping, name: Shipping, description: On its way}
materials:
  - {id: cr39, name: CR-39, index: 1.498, wavelength: 587.56, abbe: 58.0, density: 1.32, impact: basic}
designs:
  - {id: plain, name: Plain, type: single-vision}
colours:
  - {id: clear, name: Clear}
coatings:
  - {id: hc, name: Hard coat}
blanks:
  - {id: low, material: cr39, colours: [clear], types: [single-vision], base: 4.00, front: 4.00, diameter: 80.00,
     centre: 14.00}
"""

LIMITS = """\
constraints:
  - id: power  # what the generator can cut
    scope: eye
    given: {low: -2.00 D, high: 2.00 D}
    refuse: has(eye.power_low) && has(eye.power_high) && (eye.power_low < given.low || eye.power_high > given.high)
    at: sphere
    severity: error
    code: OUT_OF_RANGE
    says: "{material} is made from {low} to {high}."
    reason: what the test wants
"""

PLANS = """\
tables:
  - id: availability
    scope: pair
    hit: first
    inputs: {design: lens.design, material: lens.material, colour: lens.colour}
    outputs: {made: yes-no}
    rows:
      - {id: all, made: yes, reason: everything is made}
  - id: base-curve
    scope: eye
    hit: first
    inputs: {}
    outputs: {base: D}
    rows:
      - {id: all, base: 4.00, reason: there is one}
  - id: minimum-thickness
    scope: eye
    hit: first
    inputs: {}
    outputs: {centre: mm, edge: mm}
    rows:
      - {id: all, centre: 1.80, edge: 1.00, reason: there is one}
  - id: routes
    scope: plan
    hit: first
    inputs: {}
    outputs: {stations: texts}
    rows:
      - {id: all, stations: [surfacing, shipping], reason: there is one}
"""

PRICES = """\
tables:
  - id: base-price
    scope: pair
    hit: unique
    charge: pair
    needed: yes
    label: "{design}, {material}"
    inputs: {design: lens.design}
    outputs: {amount: money}
    rows:
      - {id: plain, design: [plain], amount: 40.00, reason: the list}
  - id: price-list
    scope: pair
    hit: first
    inputs: {account: order.account}
    outputs: {list: text, currency: text}
    rows:
      - {id: all, list: standard, currency: EUR, reason: there is one}
"""

FILES: Mapping[str, str] = {"floor.yaml": FLOOR, "limits.yaml": LIMITS, "plans.yaml": PLANS, "prices.yaml": PRICES}
