"""What can be proved of a flow from its snapshots alone."""
