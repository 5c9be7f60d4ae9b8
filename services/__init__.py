"""The services of the mesh, one folder each, all with the same anatomy."""
