"""Jobs: requests that run in the background, and whose results are kept in the image store."""
