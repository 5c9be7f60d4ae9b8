"""The practice's side: orders, from a draft to the dispensed pair."""
