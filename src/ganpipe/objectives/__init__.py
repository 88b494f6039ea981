"""What the networks are asked to do: losses, penalties."""
