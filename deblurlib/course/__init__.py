"""What only lessons need: set-up check, notebook runner, plots, widgets, checks."""
