"""What Lensmesh costs, as ratios against a floor measured in the same run.

``make bench`` runs all of it. The unit is one echo: the CPU that a bare ``grpc.aio`` server spends on a call that
returns what it was sent. Machines differ; how many echoes an order costs differs much less.
"""
