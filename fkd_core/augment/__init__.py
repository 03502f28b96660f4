"""Augmentation: the candidate transforms, policies made of them, and rendered copies."""
