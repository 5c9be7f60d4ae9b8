"""The lab's floor: jobs pass stations, lenses break and begin anew, blanks are kept in stock.

The rest of the LIMS decides and tells; here is what is done with hands.
"""
