"""Which run is best, and the report that shows it."""
