"""What can be proved of a catalog before it is published.

`examine` yields findings: a table that is silent where it must answer, rows that overlap or are never used, constraints
that never object, always, or where others do already, designs that no order passes, lenses without a blank or a price.
What is proved holds for every order there can be; what is shown has an order that the engine itself has decided. What
is neither, because it lies outside the subset that is solved or past the time limit, is *unknown*, and never fine.
`steps` yields the same with how far it is.

    finding      what is found
    tables       exact arithmetic on the boxes of a table
    formulas     expressions and conditions as formulas of z3
    world        every order there can be, as a solver holds it
    trials       orders that the engine tries before the solver is asked
    evidence     orders that the engine has decided
    constraints  what is proved of constraints
    lookups      what is proved of tables and blanks
    catalog      all of it, of a catalog
    words        an order in words
"""

from rules.proof.catalog import Step, examine, steps
from rules.proof.finding import Finding, Kind
from rules.proof.words import described

__all__ = ["Finding", "Kind", "Step", "described", "examine", "steps"]
