"""Files as one typed data set, read only where it is sliced."""
