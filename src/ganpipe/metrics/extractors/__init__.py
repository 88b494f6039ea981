"""Feature extractors: the judge trained on the dataset, and the standard Inception-v3."""
