"""The physical model of a terminal and of what is held in front of it."""
