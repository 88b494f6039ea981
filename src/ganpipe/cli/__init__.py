"""One file for each subcommand: what it does (its docstring), EXAMPLES, its arguments where it has any, and `run`."""
