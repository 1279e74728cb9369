"""Making data: what to generate, one trajectory at a time, into a file."""
