"""What the operator says of each object, and how far its catalog got."""
