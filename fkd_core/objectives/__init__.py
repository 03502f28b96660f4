"""What networks are taught to put out, and how that becomes coordinates; one file a kind."""
