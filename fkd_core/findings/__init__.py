"""What one command finds and another uses: the policy, and the best configuration of a model."""
