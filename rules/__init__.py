"""What a lab can make, as data, and the decision that follows from it.

A *catalog* holds what can be ordered and the rules of what can be made: constraints, which object, and decision tables,
which answer. An order's *spec* is decided against it: every objection at its field, or how each lens is made, what it
costs and how long it takes, with everything that had a say in it. The rules are the engineer's and come in as plain
data; nothing here knows the name of a design or the value of a limit.

This room is pure: no file, no clock, no message of the contracts. Numbers are integers of 1/100 (`optics.numbers`), so
a limit is exact and inclusive. It stands on optics alone.

    spec        what is ordered: eyes, prescription, frame, lens
    units       the units of the trade's measures, as rules write them and sentences say them
    view        what the rules see of it: nouns with fields, in scopes; and the words for each
    facts       the nouns of one spec: what is given, and what follows from it
    expression  what a constraint asks: CEL, checked once and then beyond failing
    tables      decision tables, and the index that finds a row
    catalog     what can be ordered, with the constraints and tables that decide it
    load        plain data to a catalog, or a list of everything that is wrong with it
    reading     plain data, field by field, with the place of every fault
    words       what is objected to, in the words of an optician
    plan        the blank, the curves, the machines' programs and the route of each lens
    price       what it costs
    decision    what comes out
    decide      a spec under a catalog: the decision
    replay      many specs decided again, from what earlier decisions of them were made of
    proof       what can be proved of a catalog before it is published
    lab_file    a spec from a lab file, with what of the file is not understood
    drawing     both lenses of a decision, drawn
    sheet       the paper that is drawn on
"""
