"""The shared LIMS client: the only way a service talks to a LIMS.

It owns what every caller would otherwise do differently: deadlines, the one retry, resuming watches by their cursor,
and one typed error tree.
"""
