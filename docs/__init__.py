"""`python -m docs`: the tables of the documents, from what they are about."""
