"""One module for each stage. No stage imports another."""
