"""What the source says, read from its syntax trees without running it."""
