"""The lab's own system: decides what can be made, makes it once, tells how it goes.

One lab to a service. What it knows of optics stands in its catalog: revisions of data (`catalog/` holds the first),
decided by `rules`. What it holds of an order is the lens, the prescription and the frame, and nobody's name.
"""
