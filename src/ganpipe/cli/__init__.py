"""One module per subcommand: its docstring is the help text; EXAMPLES, `run` and optionally `add_arguments`."""
