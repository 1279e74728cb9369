"""The flows of the verification suite: each function runs one and returns its error."""
