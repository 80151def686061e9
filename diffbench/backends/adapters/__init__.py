"""Real libraries as backends: one file each, and only that file imports its library."""
