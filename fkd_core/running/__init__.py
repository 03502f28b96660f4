"""Where fits run: a Ray session or cluster with warm workers; only the driver writes."""
