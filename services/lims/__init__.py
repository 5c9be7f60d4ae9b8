"""The lab's own system: decides what can be made, makes it once, tells how it goes.

One lab to a service. What it knows of optics stands in its catalog: revisions of data (`catalog/` holds the first),
decided by `rules`. What it holds of an order is the lens, the prescription and the frame, and nobody's name.

Jobs are numbered by a PostgreSQL sequence, which never waits and never gives a number back: after a crash or a refused
job some are skipped. A number says which job, not how many there are.
"""
