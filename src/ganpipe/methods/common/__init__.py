"""What the methods share: interface, train state, EMA, precision, ensembles, metrics of a discriminator."""
