"""`make faults`: everything that can fail in the deployed state machine fails, and nothing may be left behind."""
