"""Pictures of filters and fields; matplotlib is loaded when something is drawn."""
