"""What a lab can make, as data, and the decision that follows from it.

A *catalog* holds what can be ordered and the tables of what can be made: limits, requirements, power steps, routes. An
order's *spec* is decided against it: every objection at its field, or a route through the lab. The tables are the
engineer's and come in as plain data; nothing here knows the name of a design or the value of a limit.

This room is pure: no file, no clock, no message of the contracts. Numbers are integers of 1/100 (`optics.numbers`), so
a limit is exact and inclusive. It stands on optics alone.

    spec        what is ordered: eyes, prescription, frame, lens
    quantities  what can be measured on a spec, by name
    tables      the rows of the rules, and the condition under which a row holds
    catalog     what can be ordered, with the tables that decide it
    load        plain data to a catalog, or a list of everything that is wrong with it
    decide      a spec under a catalog: violations and route
"""
