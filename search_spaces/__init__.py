"""What is searched: plain Python functions, with hypothesis and budget written above them."""
