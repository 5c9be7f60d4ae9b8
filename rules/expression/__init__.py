"""Expressions: what a rule asks, written in CEL over typed nouns, checked once and then beyond failing.

    lens.material == "cr39" && has(eye.power_low) && eye.power_low < given.low

`cel-expr-python` parses and type-checks; the checked tree becomes a typed tree of ours, which is compiled to a Python
function (to decide), to numpy (to decide many specs at once) and can be handed to a prover. A property test holds all
of them to what `cel-expr-python` itself answers.

What an expression can use:

    D(-8.00) mm(52.00) prism(10.00) deg(5.00) g(25.00)       numbers with a unit, on the lattice of 1/100
    25  "cr39"  true  given.low                              plain numbers, texts, the rule's own named numbers
    eye.sphere   has(eye.sphere)   size(lens.coatings)       fields; whether an optional one is there; how many
    + - *   / % by a number above zero   -x                  whole numbers; / and % round towards zero
    math.abs(x)   math.greatest(x, y, …)   math.least(x, y, …)
    == != < <= > >=   x in [a, b]   "hc" in lens.coatings    comparisons
    && || !   c ? x : y                                      logic

Everything else is refused where it is written, with the reason and the place: another function, a loop, an unguarded
optional, units that do not go together, a text that no catalog has, arithmetic that could leave 64 bits. So whatever is
admitted gives yes or no for every spec there can be, and never fails.

    view       nouns, their fields and the scopes
    language   CEL itself: the source to its syntax tree
    complaints CEL's errors, in the words of the scope
    check      the syntax tree to the typed tree, or an error with its place
    tree       the typed tree
    closure    the typed tree to a Python function
    columns    the typed tree to numpy
    reference  the source by cel-expr-python's own evaluation, which the others are held to
"""
