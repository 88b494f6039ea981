"""Networks: modules only, no losses, no loops."""
