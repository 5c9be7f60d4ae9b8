"""The embedded mesh: every server Lensmesh needs, on one machine, under one supervisor.

Read in this order: `settings` and `layout` say what can be chosen and where things lie; `postgres`, `nats`, `envoy` and
`keys` each know one thing the mesh is made of; `supervisor` keeps processes alive and knows nothing of Lensmesh; `mesh`
puts them together; `state` is what the rest of the world reads, `control` how it starts and stops a mesh.

No service imports this package. In production other hands do its work (deploy/), by the same environment variables.
"""
