"""The decisions of the method: which frames are sampled, which is the pivot, which box holds the referent."""
