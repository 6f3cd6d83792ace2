"""`make bench-model`: the pipeline's model against the lesson's, on one split of the data after the other."""
