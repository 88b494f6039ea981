"""Images on request: the command `sample`, the demo page and the model that MLflow serves."""
