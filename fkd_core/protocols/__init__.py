"""What a search does, and by which comparisons it decides; experiments run it."""
