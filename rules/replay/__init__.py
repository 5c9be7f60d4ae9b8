"""Decides many specs again, from what earlier decisions of them were made of, under two catalogs at once.

record      the facts of one decided spec, as bytes of fixed size
vocabulary  the texts that rules can name, as codes
lenses      what a catalog says of each lens that is ordered, worked out once for each
rows        many records as columns, for expressions and tables
lookup      a decision table over columns
replay      what each catalog says of each record
comparison  what becomes of each record from one catalog to the other, and which rule makes the difference
"""
