"""`make predict`: the rows of a CSV file scored by the project's current model, live or as a batch."""
