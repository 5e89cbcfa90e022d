"""All bundles at hand, shipped and own, and which of them is in use for each task."""
