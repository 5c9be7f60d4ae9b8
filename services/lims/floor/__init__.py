"""The lab's floor: stations, breakages, inspections, blanks in stock, and the ticket of a tray."""
