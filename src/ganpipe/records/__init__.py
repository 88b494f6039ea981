"""What every stage did, kept on disk beside the pipeline: the truth that tracking is a view of."""
