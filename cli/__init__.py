"""The `lensmesh` command."""
