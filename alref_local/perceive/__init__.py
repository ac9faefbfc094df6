"""Perception: candidate boxes on a frame (GroundingDINO) and mask tracks through a video (SAM 2)."""
