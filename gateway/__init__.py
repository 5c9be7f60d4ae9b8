"""The edge: Envoy's configuration, rendered from the contracts.

    contract.py     what the contracts say about each RPC, read from the descriptor image
    refusals.py     the one error shape, also for the replies Envoy makes itself
    strict.py       which requests are let through: no unknown field, none twice, none against the path (in Lua)
    routes.py       which RPC is reachable where; everything else is refused
    filters.py      what a request passes on its way: token, strictness, transcoder
    listeners.py    the two doors, and the hygiene of both
    clusters.py     how Envoy reaches the services
    extensions.py   how Envoy names its extensions
    openapi.py      the edge described in OpenAPI 3.1: operations, with the examples of examples.yaml
    schemas.py      messages as JSON Schema
    failures.py     how operations fail, and the one error shape
    described.py    the contracts with their comments
    web.py          the static server behind the edge: the document, and a page (pages/) to read it in
    settings.py     what differs from one edge to the next
    render.py       puts it together: settings in, Envoy's bootstrap out

Nothing here is written per RPC: a new RPC with an HTTP annotation and a policy is served by rendering again.
"""
