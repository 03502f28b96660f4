"""What a search does, and by which comparisons it decides; the pages in experiments/ run it."""
