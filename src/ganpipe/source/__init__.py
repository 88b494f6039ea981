"""Static analysis of the package: facts read from its syntax trees without importing it."""
