"""Frame → evidence: detector, landmarks, pose, quality, PAD networks."""
