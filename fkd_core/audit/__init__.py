"""The audit of labels: which training labels are wrong, how, and what correcting them changes."""
