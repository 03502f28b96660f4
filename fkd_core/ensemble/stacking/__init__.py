"""Level 2: ways to combine members' predictions, how they are judged, and which one ships."""
