"""One module an experiment: its options, and what it does from the first line to the last."""
