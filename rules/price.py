"""What a spec costs: the tables that charge, one after the other, by the price list of the account.

The table ``price-list`` knows the list and its currency. Then every table that charges is asked, in the order in which
they stand: once for the pair, once for each eye that is made, or once for each coating or option that was chosen. A row
answers with an amount of money, or with a share of what has come together before it: ``share: -45.00`` takes 45 % off.

A price is also told while a spec is still refused, so that a form can show it; what depends on how a lens is made is
not in it as long as that is not known.
"""

from collections.abc import Iterator, Mapping

from optics.eyes import Side
from optics.numbers import round_ratio
from rules.decision import Price, PriceLine
from rules.facts import Case
from rules.tables import Charge, Fired, Table
from rules.view import OF_PLAN, PlanFacts, PriceFacts
from rules.words import sentence

PRICE_LIST = "price-list"

_WHOLE = 100_00
"""All of it, in 1/100 percent."""

_PAIR, _EYE, _COATING = Charge.PAIR, Charge.EYE, Charge.COATING  # a member costs more than the question it stands in


def price(case: Case, plans: Mapping[Side, PlanFacts], fired: list[Fired]) -> Price | None:
    """Returns what a spec costs; None where nothing is chosen, nothing is charged, or what has to be charged is not."""
    table = case.catalog.tables.get(PRICE_LIST)
    found = table.find(case.of_pair) if table and case.lens.design and case.lens.material else None
    if found is None:
        return None
    used = [found.fired[None]]
    facts = PriceFacts(found.then["list"])
    lines: list[PriceLine] = []
    total = 0
    for charging in case.catalog.charges:
        for side, item, nouns in asked(case, charging, plans):
            facts.item = item
            row = charging.find((*nouns, facts))
            if row is None:
                if charging.needed:
                    return None
                continue
            amount = row.then["amount"] if "amount" in row.then else round_ratio(total * row.then["share"], _WHOLE)
            total += amount
            used.append(row.fired[side])
            lines.append(PriceLine(_label(case, charging, item), side, amount, charging.id, row.id))
    if not lines:
        return None
    fired += used
    return Price(facts.list, found.then["currency"], tuple(lines), total)


def asked(
    case: Case, table: Table, plans: Mapping[Side, PlanFacts]
) -> Iterator[tuple[Side | None, str, tuple[object, ...]]]:
    """Yields every question to a table that charges: the eye, what is charged, and the nouns."""
    charge = table.charge
    if charge is _PAIR:
        yield None, "", case.of_pair
    elif charge is _EYE and table.scope.name == OF_PLAN.name:
        for side, facts in plans.items():
            yield side, "", case.of_plan(side, facts)
    elif charge is _EYE:
        for side in case.sides:
            yield side, "", case.of_eye(side)
    else:
        for item in case.lens.coatings if charge is _COATING else case.lens.options:
            yield None, item, case.of_pair


def _label(case: Case, table: Table, item: str) -> str:
    if "{" not in table.label:
        return table.label
    entry = case.catalog.coatings.get(item) or case.catalog.options.get(item)
    return sentence(case, table.label, item=entry.name if entry else "")
