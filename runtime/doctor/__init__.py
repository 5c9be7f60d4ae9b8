"""Looks at a machine and at the mesh that runs on it, and says what to do about what it finds.

`finding` is what every check gives; `machine` asks what must hold before a mesh can run, `running` what must hold while
it does; `examination` asks all of it. A check is a row in a table there: its name, and the function that looks.
"""
