"""The lesson's notebooks: made from one source a notebook, and run on the local cloud as in Studio."""
