"""Anybody's photos: faces found, cropped like the training faces, and drawn with keypoints."""
