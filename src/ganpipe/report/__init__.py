"""The comparison report: an HTML page, a Markdown page and a terminal summary."""
