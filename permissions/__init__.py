"""`make permissions`: which runs use what the roles may do."""
