"""What the files of uploaded images say of them: one module for each format."""
